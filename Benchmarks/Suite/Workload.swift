/// Something that is measured, with every peer that can do it.
struct Workload: Sendable {
    /// As `--only` and the JSON name it.
    let name: String
    let title: String
    let server: Laboratory.Server
    let data: DataSet
    let action: Errand.Action
    /// How many files change before each run.
    var changes = 0
    /// Only at these round trips, in milliseconds.
    let roundTrips: [Int]
    /// Without these peers, which would take long here and tell nothing new.
    var without: Set<String> = []
    /// Also with `--quick`, and then only at these round trips.
    var isQuick = true
    var quickRoundTrips = [0, 10]

    private static let small = DataSet(count: 1000, size: 32 << 10)
    private static let many = DataSet(count: 10_000, size: 8 << 10, layout: .folders(100))
    private static let bulk = DataSet(count: 20, size: 64 << 20)
    private static let card = DataSet(count: 1, size: 64 << 20)
    private static let huge = DataSet(count: 1, size: 2 << 30)

    /// For a few large files: what the others do there, `tar`, `rsync`, `sftp -r` and `rclone copy` do too.
    private static let others: Set = ["rclone bisync", "unison", "SFTP loop"]
    /// For dropbear: those that wait a round trip or more for each file, and rclone, which asks for an RSA host key;
    /// dropbear 2022.83 without one ends the connection at that ("Failed assertion (rsa.c:164)").
    private static let unfit: Set = ["sftp -r", "rclone copy", "rclone bisync", "SFTP loop"]

    /// All that is measured with peers, in order.
    static let all: [Workload] = [
        Workload(
            name: "pull", title: "\(small.title), first pull", server: .openSSH, data: small, action: .pull,
            roundTrips: [0, 2, 10, 50]),
        Workload(
            name: "push", title: "\(small.title), first push", server: .openSSH, data: small, action: .push,
            roundTrips: [0, 2, 10, 50]),
        Workload(
            name: "noop", title: "\(small.title), unchanged", server: .openSSH, data: small, action: .noOp,
            roundTrips: [0, 2, 10, 50], isQuick: false),
        Workload(
            name: "noop-10000", title: "\(many.title) in 100 directories, unchanged", server: .openSSH, data: many,
            action: .noOp, roundTrips: [0, 2, 10, 50]),
        Workload(
            name: "one-of-10000", title: "\(many.title) in 100 directories, 1 changed", server: .openSSH, data: many,
            action: .changes, changes: 1, roundTrips: [0, 10, 50]),
        Workload(
            name: "percent-of-10000", title: "\(many.title) in 100 directories, 1 % changed", server: .openSSH,
            data: many, action: .changes, changes: 100, roundTrips: [0, 10, 50], isQuick: false),
        // rclone bisync stops when all files seem to have changed, and one is all.
        Workload(
            name: "touched", title: "\(card.title), touched and unchanged", server: .openSSH, data: card,
            action: .touches, roundTrips: [0, 10], without: ["rclone bisync"], isQuick: false),
        Workload(
            name: "bulk-pull", title: "\(bulk.title), first pull", server: .openSSH, data: bulk, action: .pull,
            roundTrips: [0, 10], without: others, quickRoundTrips: [0]),
        Workload(
            name: "bulk-push", title: "\(bulk.title), first push", server: .openSSH, data: bulk, action: .push,
            roundTrips: [0], without: others, isQuick: false),
        Workload(
            name: "huge-pull", title: "\(huge.title), first pull", server: .openSSH, data: huge, action: .pull,
            roundTrips: [0], without: others, isQuick: false),
        Workload(
            name: "dropbear-pull", title: "\(small.title), first pull, dropbear", server: .dropbear, data: small,
            action: .pull, roundTrips: [10], without: unfit, isQuick: false),
        Workload(
            name: "dropbear-push", title: "\(small.title), first push, dropbear", server: .dropbear, data: small,
            action: .push, roundTrips: [10], without: unfit, isQuick: false),
        Workload(
            name: "dropbear-noop", title: "\(small.title), unchanged, dropbear", server: .dropbear, data: small,
            action: .noOp, roundTrips: [10], without: unfit, isQuick: false),
    ]
}
