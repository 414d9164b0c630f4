import Testing

@testable import bench

/// When a command is run once more, and when it isn't tried.
@Suite struct NotebookTests {
    private let workload = Workload.all[0]

    private func notebook(missing: Set<String> = []) -> Notebook {
        var settings = Notebook.Settings()
        settings.runs = 3
        settings.patienceSeconds = 2
        return Notebook(settings, missing: missing)
    }

    private func sample(_ wall: Double) -> Sample {
        Sample(wallSeconds: wall, cpuSeconds: 0, peakBytes: 0, sentBytes: 0, receivedBytes: 0, connections: 0)
    }

    @Test func `a quick command gets all its runs, a slow one no further one`() {
        var notebook = notebook()
        let quick = notebook.begin(workload, 0, Tar())
        let slow = notebook.begin(workload, 0, Rsync())
        for _ in 0..<2 {
            notebook.add(sample(0.1), to: quick)
            notebook.add(sample(1.5), to: slow)
        }
        #expect(notebook.wantsMore(quick) && !notebook.wantsMore(slow))
        notebook.add(sample(0.1), to: quick)
        #expect(!notebook.wantsMore(quick))
    }

    @Test func `what a shorter delay shows to be slow is left out, and so is what failed there`() {
        var notebook = notebook()
        for (peer, wall) in [(Tar() as any Peer, 0.5), (Rclone(), 2)] {
            notebook.add(sample(wall), to: notebook.begin(workload, 2, peer))
        }
        notebook.fail(notebook.begin(workload, 2, Unison()), BenchError("no"))
        let tar = notebook.begin(workload, 10, Tar())
        #expect(notebook.wantsMore(tar))
        let rclone = notebook.begin(workload, 10, Rclone())
        #expect(notebook.measurements[rclone].remark == "left out, about 10.0 s")
        let unison = notebook.begin(workload, 10, Unison())
        #expect(notebook.measurements[unison].remark == "failed: no")
    }

    @Test func `a round trip for each file is too many, and a peer that is not there is named`() {
        var notebook = notebook(missing: ["unison"])
        let sftp = notebook.begin(workload, 10, OpenSSHSFTP())
        #expect(notebook.measurements[sftp].remark == "left out, more than 10.0 s")
        let unison = notebook.begin(workload, 0, Unison())
        #expect(notebook.measurements[unison].remark == "missing" && !notebook.wantsMore(unison))
    }
}
