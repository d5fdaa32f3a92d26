//! The published keys of those who may sign events, as they were fetched last. Fetches nothing itself.

use std::{collections::HashMap, sync::Arc, time::Duration};

use ozg_protocols::{
    fit_connect::{
        jose::{kid::Kid, rsa::VerificationKey},
        set::Issuer,
    },
    ids::DestinationId,
};
use tokio::time::Instant;

/// So long a key is believed without being asked for again: it may be withdrawn, or replaced under its name.
const KEY_AGE: Duration = Duration::from_secs(600);
/// The most keys that are kept; more than any log of ours will ever name.
const MOST_KEYS: usize = 1_000;

/// A published key, and since when it is known as that.
#[derive(Debug, Clone)]
pub(crate) struct PublishedKey {
    pub(crate) key: Arc<VerificationKey>,
    pub(crate) fetched: Instant,
}

/// Who publishes keys: a destination, or the service under whatever name it signs.
pub(super) type Publisher = Option<DestinationId>;

/// Who publishes the keys of this issuer.
pub(super) const fn publisher(issuer: &Issuer) -> Publisher {
    match issuer {
        Issuer::Service(_) => None,
        Issuer::Destination(id) => Some(*id),
    }
}

/// The keys.
#[derive(Debug, Default)]
pub(super) struct Keys {
    kept: HashMap<(Publisher, Kid), PublishedKey>,
    doubted: HashMap<Publisher, Instant>,
}

impl Keys {
    /// The key of this name, unless it is too old.
    pub(super) fn find(&self, by: Publisher, kid: &Kid, now: Instant) -> Option<PublishedKey> {
        let found = self.kept.get(&(by, kid.clone()))?;
        (now.duration_since(found.fetched) < KEY_AGE).then(|| found.clone())
    }

    /// Whether the keys of this publisher may be fetched because of a signature that does not fit: forgeries must not make
    /// us ask all the time.
    pub(super) fn may_be_doubted(&self, by: Publisher, now: Instant) -> bool {
        self.doubted.get(&by).is_none_or(|last| now.duration_since(*last) >= KEY_AGE)
    }

    /// Notes that they were.
    pub(super) fn were_doubted(&mut self, by: Publisher, now: Instant) {
        self.doubted.retain(|_, last| now.duration_since(*last) < KEY_AGE);
        self.doubted.insert(by, now);
    }

    /// From now on a publisher has these keys and no others.
    pub(super) fn replace(
        &mut self,
        by: Publisher,
        keys: impl IntoIterator<Item = (Kid, VerificationKey)>,
        now: Instant,
    ) {
        self.kept.retain(|(other, _), _| *other != by);
        for (kid, key) in keys {
            self.keep(by, kid, key, now);
        }
    }

    /// Keeps one key beside the others.
    pub(super) fn keep(&mut self, by: Publisher, kid: Kid, key: VerificationKey, now: Instant) {
        if self.kept.len() >= MOST_KEYS {
            self.kept.retain(|_, key| now.duration_since(key.fetched) < KEY_AGE);
        }
        if self.kept.len() >= MOST_KEYS {
            // They can all be had again.
            self.kept.clear();
        }
        self.kept.insert((by, kid), PublishedKey { key: Arc::new(key), fetched: now });
    }

    /// The publisher says that it has no such key.
    pub(super) fn forget(&mut self, by: Publisher, kid: &Kid) {
        self.kept.remove(&(by, kid.clone()));
    }
}

#[cfg(test)]
mod tests {
    use ozg_protocols::fit_connect::jose::jwk::{Chain, PublicJwk};

    use super::*;

    const JWK: &[u8] = include_bytes!("../../../../protocols/fixtures/fit_connect/jose/key-signing.public.jwk.json");

    fn published() -> (Kid, VerificationKey) {
        let jwk = PublicJwk::parse(JWK, Chain::Required).expect("a key");
        (jwk.kid.clone(), VerificationKey::new(&jwk).expect("usable"))
    }

    #[test]
    fn a_new_key_finds_a_place_however_many_there_are() {
        let (mut keys, start, (kid, key)) = (Keys::default(), Instant::now(), published());
        for number in 0..=MOST_KEYS {
            let by = DestinationId::from_random((number as u128).to_be_bytes());
            keys.keep(Some(by), kid.clone(), published().1, start);
        }
        assert!(keys.kept.len() <= MOST_KEYS);
        keys.keep(None, kid.clone(), key, start);
        assert!(keys.find(None, &kid, start).is_some());
    }

    #[test]
    fn a_key_is_believed_for_ten_minutes_and_a_withdrawn_one_not_even_that() {
        let (mut keys, start, (kid, key)) = (Keys::default(), Instant::now(), published());
        keys.replace(None, [(kid.clone(), key)], start);
        let almost = start + KEY_AGE - Duration::from_secs(1);
        assert!(keys.find(None, &kid, almost).is_some_and(|found| found.fetched == start));
        assert!(keys.find(None, &kid, start + KEY_AGE).is_none(), "it has to be asked for again");
        assert!(keys.find(Some(DestinationId::from_random([1; 16])), &kid, start).is_none(), "it is the service's");
        keys.replace(None, [], start);
        assert!(keys.find(None, &kid, start).is_none());
    }

    #[test]
    fn forgeries_make_us_ask_once_in_ten_minutes() {
        let (mut keys, start) = (Keys::default(), Instant::now());
        assert!(keys.may_be_doubted(None, start));
        keys.were_doubted(None, start);
        assert!(!keys.may_be_doubted(None, start + KEY_AGE - Duration::from_secs(1)));
        assert!(keys.may_be_doubted(Some(DestinationId::from_random([1; 16])), start), "others are not to blame");
        assert!(keys.may_be_doubted(None, start + KEY_AGE));
    }
}
