extension SaveIdentity {
    /// `gba/Metroid`, with kind and slot where they say something; safe to print.
    public var shown: String {
        FileName.escaped("\(platform)/\(game)") + (kind == .state ? " state" : "")
            + (slot == SaveIdentity.mainSlot ? "" : " [\(FileName.escaped(slot))]")
    }
}
