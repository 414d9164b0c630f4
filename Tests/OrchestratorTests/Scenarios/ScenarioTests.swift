import Foundation
import TestSupport
import Testing

/// What happens between a hub and handhelds behind a real sshd: one test after the other, because deadlines are made for
/// devices and not for a machine that runs twenty servers at once. A test's name begins with the number of its case.
///
/// A case that is about any save runs for each ``SaveForm``: saves of one file, and folder saves with entries that no version holds.
/// Where the cases are on folder saves:
///
/// | case | on folder saves |
/// |---|---|
/// | 1–15, 18–20 | `DecisionTests`, both forms |
/// | 16, 17 | `FolderAndZipTests` |
/// | 21 | `DecisionTests`, a test of its own: slots are told apart by the names of files, so two folders are two games |
/// | 22 | zips only; a folder whose files are the same under other times is case 40 |
/// | 23–27, 29 | `FolderNameTests` for the folder's name; odd names in it are in every save of ``SaveForm/folder`` |
/// | 28 | a pure rule for each name, whatever it names |
/// | 30 | extensions only; a folder has none |
/// | 31–35, 57 | `ValveTests`, both forms; 33 with a test of its own |
/// | 36–43 | `ClockTests`, both forms |
/// | 44, 45 | `MovingContentTests`, both forms; at further moments in `ForeignEntryTests` |
/// | 46–50, 59 | `CrashTests` of the program, both forms |
/// | 51, 53, 54 | `RefusalTests`, both forms |
/// | 52, 56 | `FaultTests`: no space, and silence, at every call and request of a run with folder saves |
/// | 55 | `ResetTests`, both forms |
/// | 58 | a save state is a file |
/// | 60–63, 67 | about no save |
/// | 64 | `AccessTests`, both forms |
/// | 65, 66 | `ConflictTests`, both forms |
@Suite(.serialized, .timeLimit(.minutes(minutes))) enum ScenarioTests {}

/// How long one test may take. All faults together take hours, each with a limit of its own.
private let minutes = isThorough || ProcessInfo.processInfo.environment["SAVEFERRY_FAULTS"] != nil ? 600 : 15
