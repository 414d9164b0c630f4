import SSHClient
import Store

extension Orchestrator {
    /// The host keys that the device offers, most preferred first. No credential is sent.
    public func offeredHostKeys(of device: Device) async throws(DeviceFailure) -> [HostKey] {
        do {
            return try await SSHConnection.probeHostKeys(
                of: device.endpoint, deadlines: settings.deadlines, logger: logger)
        } catch {
            throw DeviceFailure(error)
        }
    }
}
