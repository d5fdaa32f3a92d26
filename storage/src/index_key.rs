//! The key of a tenant for keyed hashes: names from outside become ids of ours that nobody can reverse or guess.
//!
//! HMAC-SHA-256, each kind of name under a label of its own, each part with its length, cut to 128 bits for ids.

use aws_lc_rs::hmac;
use ozg_protocols::ids::{CaseId, CommandKey, IntakeId, TenantSlug, UserId};

use crate::{
    gcm::Secret,
    journal::{StreamId, StreamKind},
};

/// Makes ids out of names.
#[derive(Debug, Clone)]
pub struct IndexKey {
    key: hmac::Key,
    tenant: TenantSlug,
}

impl IndexKey {
    pub(crate) fn new(secret: &Secret, tenant: TenantSlug) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &*secret.0), tenant }
    }

    /// The case that a channel knows under this id; two deliveries of one thing meet in it.
    #[must_use]
    pub fn case_id(&self, channel: &str, external: &str) -> CaseId {
        CaseId::from_u128(self.number("case", &[channel.as_bytes(), external.as_bytes()]))
    }

    /// The submission that a channel knows under this id.
    #[must_use]
    pub fn intake_id(&self, channel: &str, external: &str) -> IntakeId {
        IntakeId::from_u128(self.number("intake", &[channel.as_bytes(), external.as_bytes()]))
    }

    /// The stream of an embedded account.
    #[must_use]
    pub fn user_stream(&self, user: &UserId) -> StreamId {
        StreamId { kind: StreamKind::User, id: self.number("user", &[user.as_str().as_bytes()]) }
    }

    /// The key of a command that is known by its parts (a timer and its due moment, a submission).
    #[must_use]
    pub fn command_key(&self, parts: &[&[u8]]) -> CommandKey {
        CommandKey::from_u128(self.number("command", parts))
    }

    /// The id of a small record with this name (a session by the hash of its token).
    #[must_use]
    pub fn record_id(&self, kind: u8, name: &[u8]) -> u128 {
        self.number("record", &[&[kind], name])
    }

    /// The digest of a command as the journal keeps it: keyed, because a bare hash of a short command can be guessed.
    #[must_use]
    pub fn digest(&self, command: &[u8]) -> [u8; 32] {
        self.hash("digest", &[command])
    }

    fn number(&self, label: &str, parts: &[&[u8]]) -> u128 {
        let mut id = [0; 16];
        id.copy_from_slice(&self.hash(label, parts)[..16]);
        u128::from_be_bytes(id)
    }

    fn hash(&self, label: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        for part in [b"ozg index 1", label.as_bytes(), self.tenant.as_str().as_bytes()].iter().chain(parts) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(context.sign().as_ref());
        hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8, tenant: &str) -> IndexKey {
        let secret = Secret::from_slice(&[byte; 32]).expect("32 bytes");
        IndexKey::new(&secret, tenant.parse().expect("a slug"))
    }

    #[test]
    fn two_deliveries_of_one_thing_meet_in_one_case() {
        let key = key(1, "musterstadt");
        assert_eq!(key.case_id("fit", "a"), key.case_id("fit", "a"));
    }

    #[test]
    fn ids_differ_by_key_tenant_channel_kind_and_where_the_parts_end() {
        let here = key(1, "musterstadt");
        let id = here.case_id("fit", "a").as_u128();
        assert_ne!(id, key(2, "musterstadt").case_id("fit", "a").as_u128());
        assert_ne!(id, key(1, "beispielheim").case_id("fit", "a").as_u128());
        assert_ne!(id, here.case_id("fita", "").as_u128());
        assert_ne!(id, here.intake_id("fit", "a").as_u128());
    }

    #[test]
    fn golden_ids_never_change() {
        assert_eq!(key(1, "musterstadt").case_id("fit", "a").to_string(), "cca7925fee44886121f2ccf5e6cb1b50");
    }
}
