#if DEBUG
    import Faults
    import NIOCore

    /// The seam at which tests let the SFTP channel fail. Release builds send what they are given and nothing else.
    extension RequestPipeline {
        /// Sends a request that is to meet a fault.
        func send(_ request: SFTPRequest, meeting kind: Fault.Kind, _ reply: Pending<SFTPResponse>) {
            let failed = SFTPResponse.status(SFTPStatus(code: SFTPStatus.failure, message: "Failure"))
            let denied = SFTPResponse.status(
                SFTPStatus(code: SFTPStatus.permissionDenied, message: "Permission denied"))
            switch kind {
            case .kill, .killAfter: sendInstead(request) { _ in FaultInjector.killProcess() }
            case .reset: breakConnection(reply)
            case .resetAfter: sendInstead(request) { [self] _ in breakConnection(reply) }
            case .hang:
                isSilent = true
                send(.realPath([UInt8(ascii: ".")]), answering: reply)
            case .hangAfter:
                isSilent = true
                send(request, answering: reply)
            // A request that changes nothing goes in its place, so that the refusal comes when the server would send it.
            case .failure, .noSpace, .unsupported: answer(.realPath([UInt8(ascii: ".")]), reply, with: failed)
            case .permissionDenied: answer(.realPath([UInt8(ascii: ".")]), reply, with: denied)
            case .failureAfter: answer(request, reply, with: failed)
            case .shortWrite: answer(request.halved, reply, with: failed)
            case .silentShortWrite, .shortRead: send(request.halved, answering: reply)
            }
        }

        private func answer(_ request: SFTPRequest, _ reply: Pending<SFTPResponse>, with response: SFTPResponse) {
            sendInstead(request) { [self] result in
                reply.arrive(result.map { _ in response }, order: arrivals)
            }
        }

        private func sendInstead(
            _ request: SFTPRequest,
            onArrival: @escaping (Result<SFTPResponse, SSHError>) -> Void
        ) {
            send(request, answering: Pending(onArrival: onArrival))
        }

        private func breakConnection(_ reply: Pending<SFTPResponse>) {
            let error = SSHError(.disconnected, "the connection was lost: a fault of a test")
            stream.fail(error)
            ended(error)
            reply.arrive(.failure(error), order: arrivals)
        }
    }
#endif
