import Foundation
import Planner

/// A notice as a web service takes it: where it goes, and its JSON.
struct WebMessage: Hashable, Sendable {
    let url: String
    let headers: [Header]
    let body: Data

    struct Header: Hashable, Sendable { let name: String, value: String }

    private init(_ url: String, _ headers: [Header], _ body: some Encodable) {
        self.url = url
        self.headers = [Header(name: "Content-Type", value: "application/json")] + headers
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Strings, numbers and lists of them: there is no value among them that JSON can't have.
        self.body = (try? encoder.encode(body)) ?? Data()
    }

    /// ntfy's JSON form, which takes titles in any script, goes to the server's root (https://docs.ntfy.sh/publish/#publish-as-json).
    static func ntfy(_ notice: Notice, server: WebAddress, topic: String, token: String?) -> WebMessage {
        struct Body: Encodable { let topic: String, title: String, message: String, priority: Int, tags: [String] }
        return WebMessage(
            server.url, token.map { [Header(name: "Authorization", value: "Bearer \($0)")] } ?? [],
            // A message of more than 4,096 bytes would become an attachment.
            Body(
                topic: topic, title: notice.title.shortened(to: 250), message: notice.message.shortened(to: 4_000),
                priority: notice.isUrgent ? 4 : 3, tags: [notice.kind.rawValue]))
    }

    /// Gotify's message (https://gotify.net/api-docs#/message/createMessage); priorities from 0 to 10.
    static func gotify(_ notice: Notice, server: WebAddress, token: String) -> WebMessage {
        struct Body: Encodable { let title: String, message: String, priority: Int }
        return WebMessage(
            server.appending("message"), [Header(name: "X-Gotify-Key", value: token)],
            Body(title: notice.title, message: notice.message, priority: notice.isUrgent ? 8 : 5))
    }

    /// Discord's message. Mentions nobody, whatever a save is called.
    static func discord(_ notice: Notice, _ address: WebAddress) -> WebMessage {
        struct Mentions: Encodable { let parse: [String] }
        struct Body: Encodable { let content: String, allowedMentions: Mentions }
        let text = "**\(notice.title.escapedMarkdown)**\n\(notice.message.escapedMarkdown)"
        return WebMessage(
            address.url, [], Body(content: text.shortened(to: 2_000), allowedMentions: Mentions(parse: [])))
    }

    /// Our own form; `header` is one more, `Name: value`.
    static func json(_ notice: Notice, _ address: WebAddress, header: String?) -> WebMessage {
        let parts = header.map {
            $0.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
        }
        return WebMessage(
            address.url, parts.map { [Header(name: $0[0], value: $0.count > 1 ? $0[1] : "")] } ?? [],
            NoticeDocument(notice))
    }
}

/// A notice as JSON, for programs: the facts stand beside the words.
struct NoticeDocument: Encodable {
    private let notice: Notice

    init(_ notice: Notice) { self.notice = notice }

    /// The document's bytes, in one line.
    var data: Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(self)) ?? Data()
    }

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(_ name: String) { stringValue = name }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    func encode(to encoder: any Encoder) throws {
        var document = encoder.container(keyedBy: Key.self)
        for (name, fact) in notice.facts {
            switch fact {
            case .text(let text): try document.encode(text, forKey: Key(name))
            case .number(let number): try document.encode(number, forKey: Key(name))
            case .flag(let flag): try document.encode(flag, forKey: Key(name))
            case .list(let list): try document.encode(list, forKey: Key(name))
            }
        }
        try document.encode(notice.kind.rawValue, forKey: Key("event"))
        try document.encode(notice.date.formatted(.iso8601), forKey: Key("time"))
        try document.encode(notice.device, forKey: Key("device"))
        try document.encode(notice.title, forKey: Key("title"))
        try document.encode(notice.message, forKey: Key("message"))
    }
}

extension Notice {
    /// Whether it should make itself heard: what may cost saves, or lets somebody else in.
    fileprivate var isUrgent: Bool {
        switch kind {
        case .hostKeyChanged, .valveHalted, .diskLow: true
        case .conflictOpened, .deviceFailing: false
        }
    }
}

extension String {
    /// At most so many bytes of UTF-8, and so no more of any other unit; what was cut ends with `…`.
    fileprivate func shortened(to bytes: Int) -> String {
        guard utf8.count > bytes else { return self }
        var end = utf8.index(startIndex, offsetBy: bytes - 3)
        while end > startIndex, end.samePosition(in: self) == nil { end = utf8.index(before: end) }
        return self[..<end] + "…"
    }

    /// As it is written, where Markdown is read.
    fileprivate var escapedMarkdown: String {
        reduce(into: "") { result, character in
            if "\\*_~`|<>[]()#-".contains(character) { result.append("\\") }
            result.append(character)
        }
    }
}
