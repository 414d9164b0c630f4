import Testing

/// The program as it is run by people and scripts: one test after the other, because its deadlines are made for devices
/// and not for a machine that runs twenty servers at once.
@Suite(.serialized, .timeLimit(.minutes(15))) enum ProgramTests {}
