//! How German readers expect dates, times, numbers and sizes. Moments are shown in the time of the town hall.

use std::time::Duration;

use jiff::{Timestamp, ZonedDateTime, tz::TimeZone};
use ozg_protocols::moment::Moment;

/// The time zone of every German authority.
const ZONE: &str = "Europe/Berlin";

fn formatted(at: Moment, format: &str) -> String {
    let zone = TimeZone::get(ZONE).unwrap_or(TimeZone::UTC);
    match Timestamp::from_millisecond(at.millis()) {
        Ok(time) => ZonedDateTime::new(time, zone).strftime(format).to_string(),
        Err(_) => "–".to_owned(),
    }
}

/// `24.11.2026`.
#[must_use]
pub(crate) fn day(at: Moment) -> String {
    formatted(at, "%d.%m.%Y")
}

/// `24.11.2026, 09:14`.
#[must_use]
pub(crate) fn day_and_time(at: Moment) -> String {
    formatted(at, "%d.%m.%Y, %H:%M")
}

/// `09:14:31`.
#[must_use]
pub(crate) fn time(at: Moment) -> String {
    formatted(at, "%H:%M:%S")
}

/// What a machine reads in the `datetime` attribute.
#[must_use]
pub(crate) fn machine(at: Moment) -> String {
    formatted(at, "%Y-%m-%dT%H:%M:%S%:z")
}

/// A calendar day as sent (`2026-12-01`) as `01.12.2026`; anything else stays as it is.
#[must_use]
pub(crate) fn sent_day(sent: &str) -> String {
    sent.parse::<jiff::civil::Date>()
        .map_or_else(|_| sent.to_owned(), |date| format!("{:02}.{:02}.{}", date.day(), date.month(), date.year()))
}

/// `12.345`, grouped as Germans group.
#[must_use]
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push('.');
        }
        grouped.push(digit);
    }
    grouped
}

/// A decimal number as sent (`1250.50`) with a comma, digit for digit.
#[must_use]
pub(crate) fn decimal(sent: &str) -> String {
    sent.replacen('.', ",", 1)
}

/// An amount of euros as sent (`13.0`, `1250.5`) as people write it: `13,00 €`, `1.250,50 €`. What is no such amount stays.
#[must_use]
pub(crate) fn euros(sent: &str) -> String {
    let (whole, cents) = sent.split_once('.').unwrap_or((sent, ""));
    let cents = cents.trim_end_matches('0');
    match whole.parse() {
        Ok(whole) if cents.len() <= 2 && cents.bytes().all(|c| c.is_ascii_digit()) => {
            format!("{},{cents:0<2}\u{a0}€", count(whole))
        }
        _ => format!("{}\u{a0}€", decimal(sent)),
    }
}

/// `318 kB`, `2,4 MB`: decimal units, one digit behind the comma from megabytes on.
#[must_use]
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 2] = [(1_000_000_000, "GB"), (1_000_000, "MB")];
    for (unit, name) in UNITS {
        if bytes >= unit {
            let tenths = (bytes.saturating_add(unit / 20)) / (unit / 10);
            return format!("{},{}\u{a0}{name}", count(tenths / 10), tenths % 10);
        }
    }
    if bytes >= 1_000 { format!("{}\u{a0}kB", (bytes + 500) / 1_000) } else { format!("{bytes}\u{a0}B") }
}

/// A latency in milliseconds: `0,2`, `41,7`.
#[must_use]
pub(crate) fn milliseconds(span: Duration) -> String {
    tenths((span.as_micros() + 50) / 100)
}

/// A number of tenths with its decimal: `12,3`.
#[must_use]
pub(crate) fn tenths(tenths: u128) -> String {
    format!("{},{}", count(u64::try_from(tenths / 10).unwrap_or(u64::MAX)), tenths % 10)
}

/// How long to wait, in words: `30 Sekunden`, `2 Minuten`.
#[must_use]
pub(crate) fn wait(span: Duration) -> String {
    let seconds = span.as_secs().max(1);
    match seconds {
        1 => "einer Sekunde".to_owned(),
        2..=90 => format!("{seconds} Sekunden"),
        _ => format!("{} Minuten", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_shown_in_german_time() {
        let summer = Moment::from_seconds(1_782_892_800);
        assert_eq!((day_and_time(summer).as_str(), time(summer).as_str()), ("01.07.2026, 10:00", "10:00:00"));
        assert_eq!(machine(summer), "2026-07-01T10:00:00+02:00");
    }

    #[test]
    fn numbers_are_grouped_by_dots_and_cut_by_commas() {
        assert_eq!([count(0), count(999), count(1_000), count(1_234_567)], ["0", "999", "1.000", "1.234.567"]);
        assert_eq!(decimal("1250.50"), "1250,50");
        let amounts = ["13.0", "1250.5", "30.70", "7", "0.125"].map(euros);
        assert_eq!(
            amounts,
            ["13,00 €", "1.250,50 €", "30,70 €", "7,00 €", "0,125 €"].map(|text| text.replace(' ', "\u{a0}"))
        );
        assert_eq!([size(999), size(317_600), size(2_449_000)], ["999\u{a0}B", "318\u{a0}kB", "2,4\u{a0}MB"]);
        assert_eq!(milliseconds(Duration::from_micros(41_680)), "41,7");
    }

    #[test]
    fn a_day_that_is_none_stays_as_it_was_sent() {
        assert_eq!((sent_day("2026-12-01").as_str(), sent_day("unbekannt").as_str()), ("01.12.2026", "unbekannt"));
    }
}
