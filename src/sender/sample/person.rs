//! Who applies: invented people and organisations, with names as DIN 91379 allows them.

use ozg_protocols::ids::AttachmentId;
use serde_json::{Value, json};

use super::dice::Dice;

const GIVEN: [&str; 20] = [
    "Anna",
    "Jörg",
    "Zoë",
    "Łukasz",
    "Çiğdem",
    "Nguyễn Thị",
    "Søren",
    "François",
    "Ana-María",
    "Đorđe",
    "Käthe",
    "Ólafur",
    "Mehmet",
    "Siân",
    "Renée",
    "Štěpán",
    "Fatma Nur",
    "Karl-Heinz",
    "Aïcha",
    "Jürgen",
];
const FAMILY: [&str; 20] = [
    "Müller",
    "Groß",
    "von der Heide",
    "Yılmaz",
    "Şahin",
    "Kowalski-Łąbędź",
    "O’Neill",
    "D'Angelo",
    "Østergård",
    "Núñez",
    "Dvořák",
    "Trần",
    "Schmidt",
    "Grüßner",
    "Ağaoğlu",
    "van den Bergh",
    "Þórsson",
    "Weiß",
    "Jovanović",
    "Bäcker",
];
const STREETS: [&str; 8] = [
    "Hauptstraße",
    "Goetheallee",
    "Am Schloßberg",
    "Bahnhofstraße",
    "Große Gasse",
    "Lindenweg",
    "Rathausplatz",
    "Äußere Ringstraße",
];
const COMPANIES: [(&str, &str); 8] = [
    ("Radwerk Musterstadt", "GmbH"),
    ("Bäckerei Grüßner", "e. K."),
    ("Café Zimt & Zucker", "GbR"),
    ("Dächer für alle", "eG"),
    ("Bauhof Süd", "AG"),
    ("Kulturverein Alte Mühle", "e. V."),
    ("Łąbędź Systemhaus", "UG (haftungsbeschränkt)"),
    ("Hafenlogistik Nord", "GmbH & Co. KG"),
];

/// An applicant.
#[derive(Debug, Clone)]
pub struct Applicant {
    /// The name as one writes it on a letter.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// The postbox, as it stands in the form (`serviceKonto`).
    pub postbox: Option<Value>,
    /// The mailbox at BundID, as it stands in metadata.
    pub mailbox: Option<String>,
    form: [Value; 2],
}

impl Applicant {
    /// Invents somebody; an organisation now and then, where those apply.
    pub fn invent(dice: &mut Dice, may_be_organisation: bool) -> Self {
        let (given, family) = (*dice.pick(&GIVEN), *dice.pick(&FAMILY));
        let person = format!("{given} {family}");
        let email = format!("antrag-{:05}@buergerpost.example", dice.below(100_000));
        let phone = format!("+49 30 23125 {:03}", dice.below(1_000));
        let mailbox = (dice.below(3) > 0).then(|| AttachmentId::from_random(dice.bytes()).to_string());
        let organisation = (may_be_organisation && dice.below(2) == 0).then(|| *dice.pick(&COMPANIES));
        let items = match organisation {
            Some((company, form)) => vec![
                text("firma", "Name der Organisation", company),
                text("rechtsform", "Rechtsform", form),
                text("register", "Registereintrag", &format!("HRB {} Musterstadt", 1_000 + dice.below(90_000))),
                text("vertreten_durch", "Vertreten durch", &person),
            ],
            None => {
                let born = format!("{}-{:02}-{:02}", 1940 + dice.below(66), 1 + dice.below(12), 1 + dice.below(28));
                vec![
                    text("vorname", "Vornamen", given),
                    text("nachname", "Familienname", family),
                    json!({ "name": "geburtsdatum", "label": "Geburtsdatum", "dateValue": born }),
                    text(
                        "geburtsort",
                        "Geburtsort",
                        dice.pick::<&str>(&["Musterstadt", "Łódź", "Köln", "İzmir", "Århus"]),
                    ),
                ]
            }
        };
        let contact = [
            text("strasse", "Straße", dice.pick::<&str>(&STREETS)),
            text("hausnummer", "Hausnummer", &format!("{}", 1 + dice.below(120))),
            text("plz", "Postleitzahl", &format!("{:05}", 12_340 + dice.below(10))),
            text("ort", "Ort", "Musterstadt"),
            text("email", "E-Mail", &email),
            text("telefon", "Telefon", &phone),
        ];
        let kind = if organisation.is_some() { "organisation" } else { "antragsteller" };
        let label = if organisation.is_some() { "Antragstellende Organisation" } else { "Antragstellende Person" };
        let postbox = mailbox.as_ref().map(|mailbox| {
            json!({
                "type": "OSI",
                "trustLevel": dice.pick(&["STORK-QAA-Level-1", "STORK-QAA-Level-3", "STORK-QAA-Level-4"]),
                "postfachAddress": { "identifier": mailbox, "type": if organisation.is_some() { "unternehmen" } else { "Citizen" } },
            })
        });
        Self {
            name: organisation.map_or(person, |(company, form)| format!("{company} {form}")),
            email,
            postbox,
            mailbox,
            form: [
                json!({ "name": kind, "label": label, "formItems": items }),
                json!({ "name": "kontakt", "label": "Anschrift und Erreichbarkeit", "formItems": contact }),
            ],
        }
    }

    /// The groups of the form that name the applicant and say how to reach him.
    #[must_use]
    pub fn form(&self) -> [Value; 2] {
        self.form.clone()
    }
}

fn text(name: &str, label: &str, value: &str) -> Value {
    json!({ "name": name, "label": label, "stringValue": value })
}
