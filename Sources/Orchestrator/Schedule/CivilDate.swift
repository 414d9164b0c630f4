/// A day of the Gregorian calendar.
struct CivilDate: Hashable, Sendable {
    let month: Int
    let dayOfMonth: Int
    /// Sunday is 0.
    let weekday: Int
    /// The first day of the month after it, counted from 1970-01-01.
    let firstOfNextMonth: Int

    /// The day that is `day` days after 1970-01-01, not before the year 0.
    init(day: Int) {
        // Years from March to February, so that the leap day comes last, in eras of 400 years.
        let (era, dayOfEra) = (day + 719_468).quotientAndRemainder(dividingBy: 146_097)
        let year = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * year + year / 4 - year / 100)
        let march = (5 * dayOfYear + 2) / 153
        month = march < 10 ? march + 3 : march - 9
        dayOfMonth = dayOfYear - (153 * march + 2) / 5 + 1
        weekday = (day % 7 + 11) % 7
        let leapDay = march == 11 && CivilDate.hasLeapDay(era * 400 + year + 1) ? 1 : 0
        firstOfNextMonth = day - dayOfMonth + 1 + CivilDate.lengthsFromMarch[march] + leapDay
    }

    private static let lengthsFromMarch = [31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31, 28]

    private static func hasLeapDay(_ year: Int) -> Bool {
        year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    }
}
