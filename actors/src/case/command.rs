//! The bytes that stand for an order in its digest: the same for every repetition, different for every other order.

use ozg_protocols::{
    application::Channel,
    case::{Order, ReceiptState},
    principal::Principal,
};

/// The bytes of this order by this person.
pub(super) fn bytes(order: &Order, who: Option<&Principal>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64);
    part(&mut bytes, who.map_or("", |principal| principal.user.as_str()));
    match order {
        // The signed acceptance is salted and the files get new names with every attempt: the delivery is what counts.
        Order::Receive(order) => match &order.application.channel {
            Channel::FitConnect { submission, .. } => parts(&mut bytes, "receive", &["fit", &submission.to_string()]),
            Channel::Xta { message_id } => parts(&mut bytes, "receive", &["xta", message_id]),
            Channel::FormVendor { vendor, transaction_id } => {
                parts(&mut bytes, "receive", &["form", vendor, transaction_id]);
            }
        },
        Order::Accept(_) => part(&mut bytes, "accept"),
        Order::StartWork(_) => part(&mut bytes, "start work"),
        Order::PutBack(_) => part(&mut bytes, "put back"),
        Order::Discard(_) => part(&mut bytes, "discard"),
        Order::FetchBack(_) => part(&mut bytes, "fetch back"),
        Order::Assign(order) => match &order.0 {
            Some(person) => parts(&mut bytes, "assign", &[person.user.as_str()]),
            None => part(&mut bytes, "release"),
        },
        // Its id is chosen with each attempt, too.
        Order::Comment(order) => parts(&mut bytes, "comment", &[order.text.trim()]),
        Order::NoteReceipt(order) => {
            let state = match order.0 {
                ReceiptState::NotNeeded => "not needed",
                ReceiptState::Pending => "pending",
                ReceiptState::Delivered => "delivered",
                ReceiptState::Foreign => "foreign",
                ReceiptState::Refused => "refused",
            };
            parts(&mut bytes, "receipt", &[state]);
        }
    }
    bytes
}

fn parts(bytes: &mut Vec<u8>, name: &str, all: &[&str]) {
    part(bytes, name);
    for one in all {
        part(bytes, one);
    }
}

fn part(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
    bytes.extend_from_slice(text.as_bytes());
}
