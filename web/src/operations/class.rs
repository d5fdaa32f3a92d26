//! What operators call the kinds of actors, and what each is for, in one line.

/// A kind of actor in German.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Class {
    pub name: &'static str,
    pub purpose: &'static str,
}

#[rustfmt::skip]
const CLASSES: [(&str, Class); 19] = [
    ("house", Class { name: "Haus", purpose: "Wurzel der Aufsicht; endet es, endet der Prozess." }),
    ("infrastructure", Class { name: "Unterbau", purpose: "Beaufsichtigt, worauf sich alle stützen: Arbeitergruppen, Verbindungen, Journale, Uhr, Beobachter." }),
    ("pool", Class { name: "Arbeitergruppe", purpose: "Verteilt Arbeit, die rechnet oder auf den Datenträger wartet, und ersetzt ausgefallene Arbeiter." }),
    ("worker", Class { name: "Arbeiter", purpose: "Ein Thread einer Arbeitergruppe." }),
    ("opener", Class { name: "Öffner", purpose: "Versucht, die Daten gestörter Mandanten doch noch zu öffnen." }),
    ("batcher", Class { name: "Journal-Sammler", purpose: "Fasst die Änderungen eines Mandanten zusammen und schreibt sie dauerhaft." }),
    ("outbound", Class { name: "Verbindungen", purpose: "Führt alle Aufrufe bei fremden Diensten aus und hält die Verbindungen dorthin." }),
    ("clock", Class { name: "Uhr", purpose: "Prüft jede Sekunde, ob die Uhr zum letzten Datensatz, zum Zustelldienst und zu sich selbst passt." }),
    ("observer", Class { name: "Beobachter", purpose: "Misst jede Sekunde alle Postkörbe für diese Seite." }),
    ("tenant", Class { name: "Mandant", purpose: "Beaufsichtigt alles, was zu einem Mandanten gehört." }),
    ("case", Class { name: "Vorgang", purpose: "Führt einen Vorgang, solange jemand mit ihm arbeitet, und ändert ihn als Einziger." }),
    ("intake", Class { name: "Eingang", purpose: "Prüft und entschlüsselt je eine Einreichung." }),
    ("connector", Class { name: "Zustellpunkt", purpose: "Holt die Einreichungen eines Zustellpunkts ab." }),
    ("outbox", Class { name: "Ausgang", purpose: "Verteilt, was das Haus verlassen muss, auf die Boten." }),
    ("carrier", Class { name: "Bote", purpose: "Bringt Annahmen und Ablehnungen zu einem Zustelldienst." }),
    ("numbers", Class { name: "Vorgangsnummern", purpose: "Vergibt die Vorgangsnummern eines Mandanten." }),
    ("sessions", Class { name: "Anmeldungen", purpose: "Führt Anmeldungen und eingebettete Konten eines Mandanten." }),
    ("views", Class { name: "Ansichten", purpose: "Führt Vorgangsliste, Suche und Klärungsfälle eines Mandanten nach." }),
    ("notary", Class { name: "Notar", purpose: "Nummeriert die Datensätze eines Mandanten und unterschreibt Prüfpunkte." }),
];

/// The groups of workers, by their names.
#[rustfmt::skip]
const GROUPS: [(&str, &str); 5] = [
    ("vault", "Schreiber"), ("reader", "Leser"), ("blob", "Anhänge"), ("crypto", "Kryptographie"),
    ("password", "Passwörter"),
];

impl Class {
    /// The words for a class as actors name it.
    pub(crate) fn of(class: &'static str) -> Self {
        let known = CLASSES.iter().find(|(name, _)| *name == class);
        known.map_or(Self { name: class, purpose: "" }, |(_, words)| *words)
    }

    /// What follows where one of this class is disturbed.
    pub(crate) fn disturbed(self) -> &'static str {
        if self == Self::of("clock") {
            "Was nur geschieht, weil die Zeit gekommen ist, ruht: Prüfpunkte nach einer Stunde, Aufräumen. Alles andere \
             läuft weiter. Die Uhr des Rechners prüfen."
        } else {
            "Er antwortet mit 503, bis der Fehler behoben ist. Die anderen laufen weiter."
        }
    }
}

/// What an operator calls this actor: its class, and what tells it from others of the class.
pub(crate) fn name(class: &'static str, path: &str) -> String {
    let own = path.rsplit('/').next().unwrap_or_default();
    let kind = Class::of(class).name;
    let of = match class {
        "pool" => group(own).to_owned(),
        "worker" => format!("{} {own}", group(path.rsplit('/').nth(1).unwrap_or_default())),
        "tenant" => own.to_owned(),
        "connector" => rest(own, CONNECTOR),
        _ => rest(own, class),
    };
    // An id in full says no more to a reader than its beginning; the path has it whole.
    let short: String = if is_id(&of) { of.chars().take(8).chain(['…']).collect() } else { of };
    if short.is_empty() { kind.to_owned() } else { format!("{kind} {short}") }
}

/// What stands before the id in the name of a connector.
const CONNECTOR: &str = "fit-connect";

/// The rest of a technical name after what it begins with: a tenant, the first letters of an id, a seat.
fn rest(name: &str, beginning: &str) -> String {
    name.strip_prefix(beginning).and_then(|rest| rest.strip_prefix('-')).unwrap_or_default().to_owned()
}

fn group(name: &str) -> &str {
    GROUPS.iter().find(|(group, _)| *group == name).map_or(name, |(_, words)| *words)
}

fn is_id(text: &str) -> bool {
    text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_that_is_supervised_has_german_words() {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../actors/src/supervise.rs");
        let source = std::fs::read_to_string(source).expect("is there");
        let classes: Vec<_> = source.split("policy(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(classes.len() >= 15, "{classes:?}");
        for class in classes {
            assert!(CLASSES.iter().any(|(known, _)| *known == class), "{class} has no words");
        }
    }

    #[test]
    fn an_actor_is_named_by_what_it_is_and_whose() {
        assert_eq!(name("batcher", "house/infrastructure/batcher-musterstadt"), "Journal-Sammler musterstadt");
        assert_eq!(name("pool", "house/infrastructure/crypto"), "Arbeitergruppe Kryptographie");
        assert_eq!(name("worker", "house/infrastructure/blob/1"), "Arbeiter Anhänge 1");
        assert_eq!(name("case", "house/musterstadt/case-01234567-89ab-4c"), "Vorgang 01234567…");
        assert_eq!(name("tenant", "house/musterstadt"), "Mandant musterstadt");
        assert_eq!(name("outbox", "house/musterstadt/outbox"), "Ausgang");
        let connector = "house/musterstadt/fit-connect-0f0e0d0c-0b0a-4908-8706-050403020100";
        assert_eq!(name("connector", connector), "Zustellpunkt 0f0e0d0c…");
    }

    #[test]
    fn actors_bear_the_names_that_are_read_here() {
        let made = [
            ("tenant/cases.rs", "case"),
            ("journal.rs", "batcher"),
            ("outbox.rs", "carrier"),
            ("fit_connect/connector.rs", "intake"),
            ("fit_connect.rs", CONNECTOR),
        ];
        for (file, beginning) in made {
            let source = std::fs::read_to_string(format!("{}/../actors/src/{file}", env!("CARGO_MANIFEST_DIR")));
            let source = source.expect("is there");
            assert!(source.contains(&format!("format!(\"{beginning}-{{")), "{file} names nobody {beginning}-…");
        }
    }
}
