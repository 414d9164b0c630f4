import Foundation

/// One JSON document with one long list, written as its elements become known: what it holds never is in memory whole.
struct JSONList {
    private var isEmpty = true

    /// Begins `{"NAME": [`.
    init(_ name: String) { Console.answer("{\n  \"\(name)\" : [", terminator: "") }

    mutating func add(_ element: some Encodable) throws {
        Console.answer((isEmpty ? "\n" : ",\n") + (try JSON.text(element)), terminator: "")
        isEmpty = false
    }

    /// Ends the list, adds `"TOTALS": …` and ends the document.
    func end(totals: some Encodable) throws {
        Console.answer("\n  ],\n  \"totals\" : \(try JSON.text(totals))\n}")
    }
}
