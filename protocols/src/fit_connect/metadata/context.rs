//! What metadata say beside the content: service, identity, payment, reply channel, references, author, data sets.

use super::{
    DataFormat, DataSet, IdentityProof, Reply,
    content::{data_schema, hash},
    reading::{Place, Rule, boolean, owned, uuid},
    rules::Rules,
};
use crate::{
    application::{Author, Payment, PaymentMethod, PaymentStatus, Product, ReplyChannel, SenderReferences},
    fit_connect::api::{is_service_identifier, submission::Service},
};

const METHODS: [(&str, PaymentMethod); 6] = [
    ("GIROPAY", PaymentMethod::Giropay),
    ("PAYDIRECT", PaymentMethod::Paydirect),
    ("CREDITCARD", PaymentMethod::CreditCard),
    ("PAYPAL", PaymentMethod::Paypal),
    ("INVOICE", PaymentMethod::Invoice),
    ("OTHER", PaymentMethod::Other),
];
const STATUSES: [(&str, PaymentStatus); 4] = [
    ("INITIAL", PaymentStatus::Initial),
    ("BOOKED", PaymentStatus::Booked),
    ("FAILED", PaymentStatus::Failed),
    ("CANCELED", PaymentStatus::Cancelled),
];
const DATA_SET_FORMATS: [(&str, DataFormat); 3] = [
    ("application/json", DataFormat::Json),
    ("application/xml", DataFormat::Xml),
    ("application/jose", DataFormat::Jose),
];
const REFERENCES: [&str; 4] =
    ["senderReference", "applicationDate", "idBundDeApplicationId", "zustimmungZumDigitalenBescheid"];

/// Everything beside the content.
pub(super) struct Context {
    pub(super) service: Option<Service>,
    pub(super) identity: Vec<IdentityProof>,
    pub(super) payment: Option<Payment>,
    pub(super) reply: Option<Reply>,
    pub(super) references: SenderReferences,
    pub(super) author: Option<Author>,
    pub(super) data_sets: Vec<DataSet>,
}

pub(super) fn read(root: &Place<'_>, rules: &Rules) -> Context {
    let (service, identity) = if rules.service_and_identity {
        (root.optional("publicServiceType", service), root.optional("authenticationInformation", identity))
    } else {
        (None, None)
    };
    let (author, data_sets) = if rules.author_and_data_sets {
        (root.optional("author", author), root.optional("dataSets", |list| list.items(data_set)))
    } else {
        (None, None)
    };
    Context {
        service,
        identity: identity.unwrap_or_default(),
        payment: root.optional("paymentInformation", payment),
        reply: root.optional("replyChannel", |place| reply(place, rules)),
        references: root.optional("additionalReferenceInfo", |place| references(place, rules)).unwrap_or_default(),
        author,
        data_sets: data_sets.unwrap_or_default(),
    }
}

fn service(place: &Place<'_>) -> Option<Service> {
    place.members()?;
    let name = place.optional("name", owned);
    let description = place.optional("description", owned);
    let identifier = place.required("identifier", |identifier| identifier.formed(is_service_identifier));
    Some(Service { name, description, identifier: identifier? })
}

fn identity(place: &Place<'_>) -> Option<Vec<IdentityProof>> {
    let proofs = place.items(|proof| {
        proof.members()?;
        let kind = proof.required("type", |kind| kind.among(&["identificationReport"]));
        let version = proof.required("version", |version| version.formed(is_plain_version));
        let content = proof.required("content", |content| {
            content.formed(|text| !text.is_empty() && text.chars().all(|c| word(c) || c == '.'))
        });
        kind.and(Some(IdentityProof { version: version?, content: content? }))
    })?;
    if place.value.as_array().is_some_and(Vec::is_empty) { place.breaks(Rule::Size) } else { Some(proofs) }
}

fn payment(place: &Place<'_>) -> Option<Payment> {
    place.members()?;
    let token = |token: &Place<'_>| token.sized(1..=36).and_then(|_| token.formed(|text| text.chars().all(word)));
    let transaction_reference = place.required("transactionReference", owned);
    let transaction_id = place.required("transactionId", token);
    let method = place.required("paymentMethod", |method| method.one_of(&METHODS));
    let status = place.required("status", |status| status.one_of(&STATUSES));
    let transaction_url = place.optional("transactionUrl", |url| url.sized(1..=usize::MAX));
    let transaction_timestamp = place.optional("transactionTimestamp", owned);
    let method_detail = place.optional("paymentMethodDetail", token);
    let gross_amount = place.optional("grossAmount", amount);
    Some(Payment {
        transaction_reference: transaction_reference?,
        transaction_id: transaction_id?,
        transaction_url,
        transaction_timestamp,
        method: method?,
        method_detail,
        status: status?,
        gross_amount,
    })
}

/// At least one cent, and whole cents. Judged on the decimal text: 0.1 + 0.2 is not 0.3 in binary.
fn amount(place: &Place<'_>) -> Option<String> {
    let number = place.value.as_number().or_else(|| place.breaks(Rule::Type("number")))?;
    let text = number.to_string();
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((&text, "0"));
    let decimals = mantissa.split_once('.').map_or("", |(_, decimals)| decimals).trim_end_matches('0').len();
    let places = i64::try_from(decimals).unwrap_or(i64::MAX) - exponent.parse::<i64>().unwrap_or(0);
    let at_least_a_cent = number.as_f64().is_some_and(|value| value >= 0.01);
    if at_least_a_cent && places <= 2 { Some(text) } else { place.breaks(Rule::Form) }
}

fn reply(place: &Place<'_>, rules: &Rules) -> Option<Reply> {
    let members = place.members()?;
    let known = |name: &str| place.optional(name, |channel| self::channel(name, channel, rules));
    if members.len() != 1 {
        for name in members.keys() {
            known(name);
        }
        return place.breaks(Rule::Size);
    }
    let name = members.keys().next()?;
    known(name)
}

fn channel(name: &str, place: &Place<'_>, rules: &Rules) -> Option<Reply> {
    let unknown_here = !rules.author_and_data_sets && matches!(name, "fitConnect" | "idBundDeMailbox");
    if unknown_here || !matches!(name, "eMail" | "deMail" | "fink" | "elster" | "fitConnect" | "idBundDeMailbox") {
        return Some(Reply::Unknown { name: name.to_owned(), content: place.value.clone() });
    }
    place.members()?;
    let channel = match name {
        "eMail" => {
            let address = place.required("address", owned);
            let pgp_public_key = place.optional("pgpPublicKey", |key| {
                key.formed(|text| text.starts_with("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n"))
            });
            ReplyChannel::Email { address: address?, pgp_public_key }
        }
        "deMail" => ReplyChannel::DeMail { address: place.required("address", owned)? },
        "fink" => {
            let postbox = place.required("finkPostfachRef", |postbox| {
                let allowed = |c| matches!(c, '-' | '.' | '_' | 'a'..='z' | '0'..='9' | '~' | '/');
                postbox.sized(0..=150)?;
                postbox.formed(|text| text.chars().all(allowed) && (rules.empty_fink || !text.is_empty()))
            });
            let host = place.optional("host", owned);
            ReplyChannel::Fink { postbox: postbox?, host }
        }
        "elster" => {
            let ten_digits = |text: &str| text.len() == 10 && text.bytes().all(|c| c.is_ascii_digit());
            let account =
                place.required("accountId", |id| id.formed(|text| !rules.elster_account_digits || ten_digits(text)));
            let delivery_ticket = place.optional("lieferTicket", owned);
            let reference = place.optional("geschaeftszeichen", |text| text.sized(0..=rules.file_reference));
            ReplyChannel::Elster { account: account?, delivery_ticket, reference }
        }
        "fitConnect" => {
            let process_standards = place.required("processStandards", |list| {
                let standards = list.items(owned)?;
                if list.value.as_array().is_some_and(Vec::is_empty) { list.breaks(Rule::Size) } else { Some(standards) }
            });
            let key = place.required("encryptionPublicKey", reply_key);
            ReplyChannel::FitConnect { process_standards: process_standards?, encryption_public_key: key? }
        }
        _ => ReplyChannel::BundIdMailbox { mailbox: place.required("mailboxUuid", uuid)?.to_string() },
    };
    Some(Reply::Known(channel))
}

/// The key by the schema alone; whether it is usable is judged with the reply channel (see [`crate::fit_connect::verify`]).
fn reply_key(place: &Place<'_>) -> Option<String> {
    place.members()?;
    let kind = place.required("kty", |kind| kind.among(&["RSA"]));
    let operations = place.required("key_ops", |list| list.items(|operation| operation.among(&["wrapKey"])));
    let algorithm = place.required("alg", |algorithm| algorithm.among(&["RSA-OAEP-256"]));
    let kid = place.required("kid", |kid| kid.sized(8..=64));
    let modulus = place.required("n", |modulus| modulus.sized(683..=usize::MAX));
    let exponent = place.required("e", |exponent| exponent.among(&["AQAB"]));
    kind.and(operations).and(algorithm).and(kid).and(modulus).and(exponent).map(|_| place.value.to_string())
}

fn references(place: &Place<'_>, rules: &Rules) -> Option<SenderReferences> {
    place.members()?;
    let mut references = SenderReferences {
        sender_reference: place.optional("senderReference", owned),
        application_date: place.optional("applicationDate", owned),
        ..SenderReferences::default()
    };
    if rules.author_and_data_sets {
        references.bund_id_application = place.optional("idBundDeApplicationId", uuid).map(|id| id.to_string());
        references.agrees_to_digital_decision = place.optional("zustimmungZumDigitalenBescheid", boolean);
    }
    if rules.closed_reference {
        place.only(&REFERENCES);
    }
    Some(references)
}

fn author(place: &Place<'_>) -> Option<Author> {
    place.members()?;
    let name = place.required("name", owned);
    let description = place.optional("description", owned);
    let url = place.optional("url", owned);
    let product = place.required("product", |product| {
        product.members()?;
        let name = product.required("name", owned);
        let version = product.required("version", owned);
        let manufacturer = product.required("manufacturer", owned);
        let description = product.optional("description", owned);
        Some(Product { name: name?, version: version?, manufacturer: manufacturer?, description })
    });
    Some(Author { name: name?, description, url, product: Some(product?) })
}

fn data_set(place: &Place<'_>) -> Option<DataSet> {
    place.members()?;
    let id = place.required("dataSetId", uuid);
    let schema = place.required("schema", |schema| data_schema(schema, &DATA_SET_FORMATS));
    let hash = place.required("hash", hash);
    let description = place.optional("description", owned);
    let content = place.required("content", |content| Some(content.value.clone()));
    Some(DataSet { id: id?, schema: schema?, hash: hash?, description, content: content? })
}

/// `\w` and `-`.
fn word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

/// Three numbers without leading zeros.
fn is_plain_version(text: &str) -> bool {
    let number = |text: &str| {
        !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit()) && (text == "0" || !text.starts_with('0'))
    };
    text.split('.').count() == 3 && text.split('.').all(number)
}
