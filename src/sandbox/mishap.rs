//! What faults do to a submission and its tags: what the submit event says of them, and what is lost or changed after it.

use bytes::Bytes;
use ozg_protocols::ids::{AttachmentId, SubmissionId};
use serde_json::{Value, json};

use super::{
    delivery::{Deliveries, Delivery, Tags},
    fault::{FaultKind, Faults},
    problem::Problem,
    seal::Part,
    spool::Stored,
};

/// What the submit event says of the tags; `first` is the first attachment.
pub(super) fn told(faults: &mut Faults, tags: &Tags, first: Option<AttachmentId>) -> Value {
    let mut told = tags.clone();
    if let Some(fault) = faults.take(FaultKind::WrongTag) {
        match fault.part.unwrap_or(Part::Metadata) {
            Part::Metadata => told.metadata = other_tag(&told.metadata),
            Part::Data => told.data = told.data.as_deref().map(other_tag),
            Part::Attachment => {
                if let Some(tag) = first.and_then(|first| told.attachments.get_mut(&first)) {
                    *tag = other_tag(tag);
                }
            }
        }
    }
    let mut payload = json!({ "authenticationTags": told });
    let Some(fault) = faults.take(FaultKind::MissingTags) else { return payload };
    let (place, name) = match fault.part {
        None => ("", "authenticationTags".to_owned()),
        Some(Part::Metadata) => ("/authenticationTags", "metadata".to_owned()),
        Some(Part::Data) => ("/authenticationTags", "data".to_owned()),
        Some(Part::Attachment) => {
            ("/authenticationTags/attachments", first.map(|first| first.to_string()).unwrap_or_default())
        }
    };
    if let Some(members) = payload.pointer_mut(place).and_then(Value::as_object_mut) {
        members.remove(&name);
    }
    payload
}

/// What happens to a submission after its submit.
pub(super) fn befall(faults: &mut Faults, deliveries: &mut Deliveries, id: SubmissionId) -> Result<(), Problem> {
    if faults.take(FaultKind::SwappedAttachment).is_some() {
        swap_attachment(deliveries, id)?;
    }
    let delivery = deliveries.get_mut(id)?;
    if let Some(fault) = faults.take(FaultKind::ChangedTag) {
        change_tag(delivery, fault.part.unwrap_or(Part::Metadata));
    }
    if faults.take(FaultKind::MissingData).is_some() {
        delivery.data = None;
    }
    if faults.take(FaultKind::MissingAttachment).is_some()
        && let Some(first) = delivery.announced.first()
    {
        delivery.uploads.remove(first);
    }
    if faults.take(FaultKind::UnlistedAttachment).is_some() && !delivery.announced.is_empty() {
        delivery.announced.remove(0);
    }
    Ok(())
}

fn change_tag(delivery: &mut Delivery, part: Part) {
    match part {
        Part::Metadata => delivery.metadata = with_other_tag(&delivery.metadata),
        Part::Data => delivery.data = delivery.data.as_deref().map(with_other_tag),
        Part::Attachment => {
            let in_memory = |id: &&AttachmentId| {
                delivery.uploads.get(*id).is_some_and(|upload| matches!(upload.stored, Stored::InMemory(_)))
            };
            let Some(id) = delivery.announced.iter().find(in_memory).copied() else { return };
            if let Some(upload) = delivery.uploads.get_mut(&id)
                && let Stored::InMemory(bytes) = &upload.stored
            {
                let changed = with_other_tag(&String::from_utf8_lossy(bytes));
                upload.stored = Stored::InMemory(Bytes::from(changed));
            }
        }
    }
}

/// The sealed part with another tag at its end.
fn with_other_tag(sealed: &str) -> String {
    match sealed.rsplit_once('.') {
        Some((before, tag)) => format!("{before}.{}", other_tag(tag)),
        None => sealed.to_owned(),
    }
}

/// A tag of the right shape that belongs to nothing.
fn other_tag(tag: &str) -> String {
    let other = if tag.starts_with('A') { "B" } else { "A" };
    format!("{other}{}", tag.get(1..).unwrap_or_default())
}

/// Two attachments change places; an only one becomes that of another submission.
fn swap_attachment(deliveries: &mut Deliveries, id: SubmissionId) -> Result<(), Problem> {
    let foreign =
        deliveries.iter().filter(|other| other.id != id).find_map(|other| other.uploads.values().next()).cloned();
    let uploads = &mut deliveries.get_mut(id)?.uploads;
    let last = uploads.values().next_back().cloned();
    let other = if uploads.len() > 1 { last } else { foreign };
    let first = uploads.values().next().cloned();
    if let (Some(first), Some(other)) = (first, other) {
        if uploads.len() > 1
            && let Some(upload) = uploads.values_mut().next_back()
        {
            *upload = first;
        }
        if let Some(upload) = uploads.values_mut().next() {
            *upload = other;
        }
    }
    Ok(())
}
