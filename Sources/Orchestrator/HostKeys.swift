import SSHClient
import Store

extension Orchestrator {
    /// The host keys that the device offers, and what it agrees on otherwise. No credential is sent.
    public func offeredHostKeys(of device: Device) async throws(DeviceFailure) -> OfferedHostKeys {
        do {
            return try await SSHConnection.probeHostKeys(
                of: device.endpoint, deadlines: settings.deadlines, logger: logger)
        } catch {
            throw DeviceFailure(error)
        }
    }
}
