//! German words for what a TOML parser and serde say of a configuration. What is rare stays in their words, named as such.

/// Why a text is no TOML.
pub(crate) fn syntax(message: &str) -> String {
    #[rustfmt::skip]
    const KNOWN: [(&str, &str); 18] = [
        ("duplicate key", "ein Schlüssel steht zweimal da"),
        ("key with no value", "nach einem Schlüssel fehlt `=` und der Wert"),
        ("missing value", "nach `=` fehlt der Wert"),
        ("string values must be quoted", "ein Text muss in Anführungszeichen stehen"),
        ("invalid float", "eine Zahl ist falsch geschrieben, oder ein Text steht ohne Anführungszeichen da"),
        ("invalid integer", "eine Zahl ist falsch geschrieben, oder ein Text steht ohne Anführungszeichen da"),
        ("missing opening quote", "ein Text muss in Anführungszeichen stehen"),
        ("invalid basic string", "ein Text endet nicht mit Anführungszeichen, oder nach `\\` steht etwas Unerlaubtes"),
        ("invalid literal string", "ein Text endet nicht mit Anführungszeichen"),
        ("unclosed array table", "`]]` fehlt"),
        ("unclosed table", "`]` fehlt"),
        ("unclosed inline table", "`}` fehlt"),
        ("unclosed array", "`]` fehlt"),
        ("missing comma", "ein Komma fehlt"),
        ("extra comma", "ein Komma ist zu viel"),
        ("extra `=`", "ein `=` ist zu viel"),
        ("invalid unquoted key", "ein Schlüssel enthält ein Zeichen, das in Anführungszeichen stehen müsste"),
        ("unexpected key or value", "hinter einem Wert steht noch etwas"),
    ];
    known(message, &KNOWN).unwrap_or_else(|| verbatim(message))
}

/// Why a value does not fit where it stands.
pub(crate) fn value(message: &str) -> String {
    #[rustfmt::skip]
    const KINDS: [(&str, &str); 6] = [
        ("string", "Text"), ("integer", "ganze Zahl"), ("boolean", "`true` oder `false`"), ("sequence", "Liste"),
        ("array", "Liste"), ("map", "Tabelle"),
    ];
    #[rustfmt::skip]
    const KNOWN: [(&str, &str); 4] = [
        ("a day is written", "ein Tag wird als JJJJ-MM-TT geschrieben"),
        ("a path begins", "ein Pfad beginnt mit `/`"),
        ("not a valid org unit id", "die Nummer einer Organisationseinheit hat 1 bis 64 Zeichen"),
        ("UUID parsing failed", "ein Zustellpunkt wird mit seiner UUID genannt"),
    ];
    if let Some(named) = message.strip_prefix("unknown variant ") {
        let words: Vec<&str> = named.split('`').skip(1).step_by(2).collect();
        if let [given, known @ ..] = words.as_slice() {
            return format!("`{given}` gibt es hier nicht; hier gibt es {}", known.join(", "));
        }
    }
    let mismatch = message.strip_prefix("invalid type: ").and_then(|rest| rest.split_once(", expected "));
    if let Some((given, wanted)) = mismatch {
        let wanted = wanted.strip_prefix("a ").unwrap_or(wanted);
        if let (Some(given), Some(wanted)) = (known(given, &KINDS), known(wanted, &KINDS)) {
            return format!("ein Wert ist von der Art {given}, erwartet wird {wanted}");
        }
    }
    known(message, &KNOWN).unwrap_or_else(|| verbatim(message))
}

fn known(message: &str, table: &[(&str, &str)]) -> Option<String> {
    table.iter().find(|(english, _)| message.starts_with(english)).map(|(_, german)| (*german).to_owned())
}

fn verbatim(message: &str) -> String {
    format!("im Wortlaut: {}", message.lines().collect::<Vec<_>>().join(" "))
}
