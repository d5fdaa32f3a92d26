//! What is applied for: the services of the demo town with their forms.

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One of these texts.
    Words(&'static [&'static str]),
    /// A number between these two.
    Number(u32, u32),
    /// A day within this many days.
    DayAhead(u32),
    /// Yes or no.
    Flag,
    /// The plate of a car.
    Plate,
}

/// A field of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What the applicant reads.
    pub label: &'static str,
    /// What it holds.
    pub kind: Kind,
}

/// A service and its form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceForm {
    /// Service key (LeiKa); those of the demo town are made up where the catalogue has several.
    pub key: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Id of the form.
    pub form_id: &'static str,
    /// The org unit that the sender believes to be responsible.
    pub org_unit: &'static str,
    /// Whether organisations apply for it.
    pub by_organisations: bool,
    /// Gross fee in euro.
    pub fee: Option<&'static str>,
    /// What is handed in with it.
    pub enclosures: &'static [&'static str],
    /// Its fields.
    pub fields: &'static [Field],
}

impl ServiceForm {
    /// The identifier (URN).
    #[must_use]
    pub fn identifier(&self) -> String {
        format!("urn:de:fim:leika:leistung:{}", self.key)
    }
}

const fn field(name: &'static str, label: &'static str, kind: Kind) -> Field {
    Field { name, label, kind }
}

/// The services.
#[rustfmt::skip]
pub const SERVICES: [ServiceForm; 6] = [
    ServiceForm {
        key: "99050012104000", name: "Gewerbeanmeldung", form_id: "Gewerbeanmeldung", org_unit: "gewerbe",
        by_organisations: true, fee: Some("26.00"), enclosures: &["Ausweiskopie"],
        fields: &[
            field("taetigkeit", "Angemeldete Tätigkeit", Kind::Words(&[
                "Handel mit Fahrrädern und Zubehör", "Café mit Außengastronomie", "Softwareentwicklung",
                "Hausmeisterdienste", "Friseurhandwerk", "Nachhilfe und Sprachunterricht",
            ])),
            field("beginn", "Beginn der Tätigkeit", Kind::DayAhead(60)),
            field("beschaeftigte", "Zahl der Beschäftigten", Kind::Number(0, 12)),
            field("nebenerwerb", "Im Nebenerwerb", Kind::Flag),
        ],
    },
    ServiceForm {
        key: "99108008011000", name: "Bewohnerparkausweis", form_id: "Bewohnerparken", org_unit: "verkehr",
        by_organisations: false, fee: Some("30.70"), enclosures: &["Fahrzeugschein"],
        fields: &[
            field("kennzeichen", "Kennzeichen", Kind::Plate),
            field("zone", "Parkzone", Kind::Words(&["Altstadt", "Bahnhof Nord", "Südviertel", "Am Schloßberg"])),
            field("ab", "Gültig ab", Kind::DayAhead(30)),
            field("elektro", "Elektrofahrzeug", Kind::Flag),
        ],
    },
    ServiceForm {
        key: "99102018012000", name: "Hundesteuer: Anmeldung eines Hundes", form_id: "Hundesteuer", org_unit: "steuern",
        by_organisations: false, fee: None, enclosures: &[],
        fields: &[
            field("rasse", "Rasse", Kind::Words(&["Labrador", "Mischling", "Dackel", "Pudel", "Australian Shepherd"])),
            field("rufname", "Rufname", Kind::Words(&["Bella", "Balu", "Luna", "Käthe", "Rocky"])),
            field("seit", "Haltung ab", Kind::DayAhead(14)),
            field("hunde", "Hunde im Haushalt", Kind::Number(1, 3)),
            field("assistenzhund", "Assistenzhund", Kind::Flag),
        ],
    },
    ServiceForm {
        key: "99108010001000", name: "Sondernutzung öffentlicher Straßen", form_id: "Sondernutzung", org_unit: "verkehr",
        by_organisations: true, fee: Some("85.50"), enclosures: &["Lageplan", "Foto der Fläche"],
        fields: &[
            field("zweck", "Zweck", Kind::Words(&["Container", "Baugerüst", "Straßenfest", "Informationsstand", "Außengastronomie"])),
            field("ort", "Ort der Nutzung", Kind::Words(&["Marktplatz", "Bahnhofstraße 12", "Goetheallee 3", "Rathausplatz"])),
            field("flaeche", "Fläche in Quadratmetern", Kind::Number(2, 180)),
            field("von", "Von", Kind::DayAhead(40)),
            field("tage", "Dauer in Tagen", Kind::Number(1, 60)),
        ],
    },
    ServiceForm {
        key: "99115005060000", name: "Erweiterte Meldebescheinigung", form_id: "Meldebescheinigung", org_unit: "buergerbuero",
        by_organisations: false, fee: Some("10.00"), enclosures: &[],
        fields: &[
            field("zweck", "Verwendungszweck", Kind::Words(&["Eheschließung", "Vorlage bei der Bank", "Rentenantrag"])),
            field("ausfertigungen", "Zahl der Ausfertigungen", Kind::Number(1, 3)),
            field("familienstand", "Mit Familienstand", Kind::Flag),
        ],
    },
    ServiceForm {
        key: "99015013012000", name: "Führungszeugnis", form_id: "Fuehrungszeugnis", org_unit: "buergerbuero",
        by_organisations: false, fee: Some("13.00"), enclosures: &["Aufforderung der Stelle"],
        fields: &[
            field("art", "Art", Kind::Words(&["Privatführungszeugnis", "Behördenführungszeugnis", "Erweitertes Führungszeugnis"])),
            field("zweck", "Verwendungszweck", Kind::Words(&["Ehrenamt", "Arbeitsaufnahme", "Pflegeerlaubnis"])),
            field("europaeisch", "Europäisches Führungszeugnis", Kind::Flag),
        ],
    },
];
