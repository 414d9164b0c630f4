import AsyncHTTPClient
import Foundation
import NIOCore
import NIOPosix
import Planner

/// Sends messages to web services, each once. Follows no redirection, keeps no cookie and no answer.
///
/// To be ended by ``shutDown()``.
final class WebClient: Sendable {
    private let client: HTTPClient
    private let limit: Duration

    /// A client that gives up after these times.
    init(connect: Duration = .seconds(10), whole: Duration = .seconds(30)) {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: TimeAmount(connect), read: TimeAmount(whole)),
            decompression: .disabled)
        configuration.httpVersion = .http1Only
        // Trying again is our own matter, and what is sent is rare.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.idleTimeout = .seconds(5)
        // One event loop does, with one queue for looking up names.
        client = HTTPClient(
            eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton.next()), configuration: configuration)
        limit = whole
    }

    func shutDown() async { try? await client.shutdown() }

    /// Sends a message and reads the beginning of the answer.
    func send(_ message: WebMessage) async -> Attempt {
        var request = HTTPClientRequest(url: message.url)
        request.method = .POST
        request.headers.add(name: "User-Agent", value: "SaveFerry")
        for header in message.headers { request.headers.add(name: header.name, value: header.value) }
        request.body = .bytes(message.body)
        do {
            let end = ContinuousClock.now + limit
            let response = try await client.execute(request, timeout: TimeAmount(limit))
            return attempt(response, response.status == .tooManyRequests ? await body(of: response, by: end) : nil)
        } catch let error as HTTPClientError {
            return .failed(sentence(error), retryAfter: nil)
        } catch {
            return .failed("it can't be reached: \(error.reason)", retryAfter: nil)
        }
    }

    /// The answer's body, if it is there in time: the client waits no longer than its limit for the head alone. One that is
    /// longer than this says nothing more; what is not read ends the connection.
    private func body(of response: HTTPClientResponse, by end: ContinuousClock.Instant) async -> ByteBuffer? {
        await withTaskGroup { group in
            group.addTask { try? await response.body.collect(upTo: 16 << 10) }
            group.addTask {
                try? await Task.sleep(until: end, clock: .continuous)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
    }

    private func attempt(_ response: HTTPClientResponse, _ body: ByteBuffer?) -> Attempt {
        let status = Int(response.status.code)
        let answer = "it answered \(status) \(FileName.escaped(response.status.reasonPhrase))"
        switch status {
        case 200..<300: return .delivered
        case 300..<400:
            return .refused(
                "\(answer), which leads elsewhere. Give the address it leads to; it is not followed by itself.")
        case 401, 403: return .refused("\(answer). Check the token, and what it may do.")
        case 404, 405, 410: return .refused("\(answer). Check the address; the topic or webhook may be gone.")
        case 408, 425, 429, 500...: return .failed(answer, retryAfter: wait(response, body))
        default: return .refused("\(answer). Check the address, and which form the service takes.")
        }
    }

    /// Seconds, from the header (RFC 9110 section 10.2.3, seconds only) or from Discord's body, which has fractions.
    private func wait(_ response: HTTPClientResponse, _ body: ByteBuffer?) -> Double? {
        struct Limited: Decodable { let retry_after: Double }
        let said = body.flatMap { try? JSONDecoder().decode(Limited.self, from: Data($0.readableBytesView)) }?
            .retry_after
        let seconds = said ?? response.headers.first(name: "Retry-After").flatMap { Double($0) }
        return seconds.flatMap { $0.isFinite && $0 > 0 ? $0 : nil }
    }

    private func sentence(_ error: HTTPClientError) -> String {
        switch error {
        case .connectTimeout, .tlsHandshakeTimeout: "it can't be reached: no connection in time"
        case .deadlineExceeded, .readTimeout: "it did not answer in time"
        case .cancelled: "it did not answer before the end"
        case .remoteConnectionClosed: "it closed the connection before it answered"
        default: "it can't be reached: \(error.shortDescription)"
        }
    }
}

extension Error {
    /// What the system or the TLS library says, in one line.
    fileprivate var reason: String {
        switch self {
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { $0.error.reason } ?? "no address for this name"
        case let error as IOError: String(cString: strerror(error.errnoCode))
        default: sentence(String(describing: self))
        }
    }

    /// The TLS library's errors are many and long: those that a user can do something about, in our words.
    private func sentence(_ text: String) -> String {
        if text.contains("CERTIFICATE_VERIFY_FAILED") { return "its certificate is not one that this system trusts" }
        if text.contains("failedToValidateHostname") { return "its certificate is for another name" }
        if text.contains("WRONG_VERSION_NUMBER") { return "it speaks no TLS; is it http instead of https?" }
        return FileName.escaped(String(text.prefix(200)))
    }
}
