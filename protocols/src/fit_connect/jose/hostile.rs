//! Tests: whatever arrives, a reader answers; it never panics, and never takes more than it was allowed to.

use super::{
    jwe::{Compact, Inflate, JweReader, Limits, Progress},
    jwk::{Chain, PrivateJwk, PublicJwk},
    jws::JwsRefused,
    rsa::ContentKey,
};
use crate::fit_connect::{
    choices::Choices,
    metadata::{EmptyFragments, Metadata, MissingSchema, Tolerance},
    set::{self, Claims, Set, SetRefused},
};

const ROUNDS: usize = 3_000;

/// The text with a few bytes changed, lost, doubled or cut off.
fn damaged(text: &str, choices: &mut Choices) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=choices.below(3) {
        let at = choices.below(bytes.len());
        match choices.below(5) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at.min(bytes.len()), b".=-_{}[]\",:0A\\"[choices.below(13)]),
            2 if !bytes.is_empty() => drop(bytes.remove(at)),
            3 => bytes.extend_from_within(at..),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = choices.below(128).to_le_bytes()[0];
                }
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn damage(text: &str, mut read: impl FnMut(&str)) {
    let mut choices = Choices(7);
    for _ in 0..ROUNDS {
        read(&damaged(text, &mut choices));
    }
}

#[test]
fn damaged_messages_are_answered() {
    let key = ContentKey::from_random([1; 32]);
    let limits = Limits { ciphertext: 10_000, inflate: Inflate::UpTo(10_000) };
    damage(include_str!("../../../fixtures/fit_connect/jose/data-zip.jwe"), |text| {
        let at_once = Compact::parse(text).map(|message| message.open(&key, Inflate::UpTo(10_000)));
        assert!(!matches!(at_once, Ok(Ok(_))), "the key is a wrong one");
        let (first, rest) = text.as_bytes().split_at(text.len() / 2);
        if let Ok(Progress::Head(head)) = JweReader::new().push(first)
            && let Ok(mut opener) = head.open(&key, limits)
        {
            let mut quarantine = Vec::new();
            let pushed = opener.push(rest, &mut quarantine);
            assert!(pushed.and_then(|()| opener.finish(&mut quarantine)).is_err(), "the key is a wrong one");
            assert!(quarantine.len() <= 10_000);
        }
    });
}

#[test]
fn damaged_sets_keys_and_metadata_are_answered() {
    let tolerance = Tolerance { fragments: EmptyFragments::Tolerate, schema: MissingSchema::IsVersion1 };
    damage(include_str!("../../../fixtures/fit_connect/jose/set-ps512-ok.jws"), |text| drop(Set::parse(text)));
    damage(include_str!("../../../fixtures/fit_connect/jose/meta.json"), |text| {
        drop(Metadata::parse(text.as_bytes(), tolerance));
        drop(Claims::parse(text.as_bytes()));
    });
    damage(include_str!("../../../fixtures/fit_connect/jose/key-signing.public.jwk.json"), |text| {
        drop(PublicJwk::parse(text.as_bytes(), Chain::Required));
        drop(PrivateJwk::parse(text.as_bytes()));
    });
}

#[test]
fn a_head_without_end_is_refused_before_it_grows() {
    let mut reader = JweReader::new();
    for _ in 0..9 {
        match reader.push(&[b'A'; 1_024]) {
            Ok(Progress::More(more)) => reader = more,
            other => panic!("{other:?}"),
        }
    }
    assert!(reader.push(&[b'A'; 1_024]).is_err());
}

#[test]
fn a_set_beyond_its_bound_is_not_looked_at() {
    let long = "A".repeat(set::LONGEST + 1);
    assert_eq!(Set::parse(&long).err(), Some(SetRefused::Jws(JwsRefused::TooLong)));
}
