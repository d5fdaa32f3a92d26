//! How the plain types of a setting are read: texts, paths, addresses of sockets, and the ids of the protocols.

use std::{net::SocketAddr, path::PathBuf};

use ozg_protocols::{
    fit_connect::verify::ReplyKind,
    ids::{DestinationId, OrgUnitId, TenantSlug},
};

use super::reader::{Setting, Surroundings};

/// Reads a type that parses itself and is shown as it is written.
macro_rules! parsed {
    ($($type:ty: $expected:literal,)*) => {$(
        impl Setting for $type {
            const EXPECTED: &'static str = $expected;

            fn read(text: &str, _: &Surroundings) -> Option<Self> {
                text.trim().parse().ok()
            }

            fn show(&self) -> String {
                self.to_string()
            }
        }
    )*};
}
pub(super) use parsed;

parsed! {
    SocketAddr: "eine Adresse mit Port (`127.0.0.1:8080`)",
    TenantSlug: "ein Kürzel aus Kleinbuchstaben, Ziffern und Bindestrichen, 2 bis 40 Zeichen",
    OrgUnitId: "die Nummer einer Organisationseinheit, 1 bis 64 Zeichen",
    DestinationId: "die UUID eines Zustellpunkts",
    ReplyKind: "ein Rückkanal: `eMail`, `deMail`, `fink`, `elster`, `fitConnect` oder `idBundDeMailbox`",
}

impl Setting for String {
    const EXPECTED: &'static str = "ein Text von 1 bis 200 Zeichen ohne Steuerzeichen";

    fn read(text: &str, _: &Surroundings) -> Option<Self> {
        let fits = (1..=200).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        fits.then(|| text.to_owned())
    }

    fn show(&self) -> String {
        self.clone()
    }
}

impl Setting for PathBuf {
    const EXPECTED: &'static str = "ein Pfad";

    fn read(text: &str, around: &Surroundings) -> Option<Self> {
        (!text.is_empty() && !text.contains('\0')).then(|| around.base.join(text))
    }

    fn show(&self) -> String {
        self.display().to_string()
    }
}
