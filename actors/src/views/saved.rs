//! The views in a sealed file: so that a start need not fold the whole journal. Thrown away whenever in doubt.
//!
//! Frames of a length (4 bytes, big-endian) and an encoded value: first where the writer stood, then everything it held.

use std::io;

use ozg_protocols::{
    account::Account,
    ids::{CaseId, IntakeId},
    intake::Intake,
};
use ozg_storage::{
    codec::{CodecError, MAX_ENCODED, Schema},
    journal::Cursor,
    view_file::ViewFiles,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{index::Index, listed::Listed};

const NAME: &str = "views";
/// Counts changes of what is kept, of the words and of the order: a file of another revision is as good as none.
const REVISION: u32 = 3;

const HEADS: Schema<Head> = Schema::first(1);
const ENTRIES: Schema<Entry> = Schema::first(1);

#[derive(Debug, Serialize, Deserialize)]
struct Head {
    #[serde(with = "serde_bytes")]
    cursor: Vec<u8>,
    as_of: u64,
    entries: u64,
}

#[derive(Debug, Serialize, Deserialize)]
enum Entry {
    Case(CaseId, Box<Listed>),
    Intake(IntakeId, Box<Intake>),
    Account(u128, Box<Account>),
}

/// Writes the views as they are, with the place where their writer stands.
pub(super) fn save(files: &ViewFiles, index: &Index, cursor: &Cursor) -> io::Result<()> {
    let mut file = io::BufWriter::new(files.write(NAME, REVISION)?);
    let entries = (index.cases.len() + index.intakes.len() + index.accounts.len()) as u64;
    let head = Head { cursor: cursor.as_bytes().to_vec(), as_of: index.as_of, entries };
    frame(&mut file, HEADS.encode(&head))?;
    let cases = index.cases.iter().map(|(id, listed)| Entry::Case(*id, Box::new(listed.clone())));
    let intakes = index.intakes.iter().map(|(id, intake)| Entry::Intake(*id, Box::new(intake.clone())));
    let accounts = index.accounts.iter().map(|(id, account)| Entry::Account(*id, Box::new(account.clone())));
    for entry in cases.chain(intakes).chain(accounts) {
        frame(&mut file, ENTRIES.encode(&entry))?;
    }
    file.into_inner().map_err(io::IntoInnerError::into_error)?.finish()
}

/// Reads what was kept; nothing if there is no file of this revision.
pub(super) fn load(files: &ViewFiles) -> io::Result<Option<(Index, Cursor)>> {
    let Some(file) = files.read(NAME, REVISION)? else { return Ok(None) };
    let mut file = io::BufReader::new(file);
    let head = unframe(&mut file, &HEADS)?;
    let mut index = Index { as_of: head.as_of, ..Index::default() };
    for _ in 0..head.entries {
        match unframe(&mut file, &ENTRIES)? {
            Entry::Case(id, listed) => drop(index.cases.insert(id, *listed)),
            Entry::Intake(id, intake) => drop(index.intakes.insert(id, *intake)),
            Entry::Account(id, account) => drop(index.accounts.insert(id, *account)),
        }
    }
    Ok(Some((index, Cursor::from_bytes(head.cursor))))
}

fn frame(file: &mut impl io::Write, encoded: Result<Vec<u8>, CodecError>) -> io::Result<()> {
    let bytes = encoded.map_err(io::Error::other)?;
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    file.write_all(&length.to_be_bytes())?;
    file.write_all(&bytes)
}

fn unframe<T: Serialize + DeserializeOwned>(file: &mut impl io::Read, schema: &Schema<T>) -> io::Result<T> {
    let mut length = [0; 4];
    file.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > MAX_ENCODED {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = vec![0; length];
    file.read_exact(&mut bytes)?;
    schema.decode(&bytes).map_err(io::Error::other)
}
