//! The views in a sealed file: so that a start need not fold the whole journal. Thrown away whenever in doubt.
//!
//! Frames of a length (4 bytes, big-endian) and bytes: first where the writer stood, then the tables, the rows in blocks,
//! the words of all rows, and what else the views hold. Orders and sets are not kept: they follow from the rows.

use std::{io, sync::Arc};

use ozg_protocols::{account::Account, ids::IntakeId, intake::Intake};
use ozg_storage::{
    codec::{CodecError, MAX_ENCODED, Schema},
    journal::Cursor,
    view_file::ViewFiles,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    columns::{Columns, SavedRow, SavedTables},
    index::Index,
    text::{Segment, TextIndex},
};

const NAME: &str = "views";
/// Counts changes of what is kept, of the words and of the order: a file of another revision is as good as none.
const REVISION: u32 = 4;
/// So many rows lie in one frame.
const BLOCK: usize = 4_096;
/// So many bytes of words lie in one frame.
const PIECE: usize = 4 << 20;

const HEADS: Schema<Head> = Schema::first(1);
const TABLES: Schema<SavedTables> = Schema::first(1);
const BLOCKS: Schema<Vec<SavedRow>> = Schema::first(1);
const LENGTHS: Schema<[u64; 2]> = Schema::first(1);
const ENTRIES: Schema<Entry> = Schema::first(1);

#[derive(Debug, Serialize, Deserialize)]
struct Head {
    #[serde(with = "serde_bytes")]
    cursor: Vec<u8>,
    as_of: u64,
    rows: u64,
    segments: u64,
    entries: u64,
}

#[derive(Debug, Serialize, Deserialize)]
enum Entry {
    Intake(IntakeId, Box<Intake>),
    Account(u128, Box<Account>),
}

/// Writes the views as they are, with the place where their writer stands.
pub(super) fn save(files: &ViewFiles, index: &Index, cursor: &Cursor) -> io::Result<()> {
    let mut file = io::BufWriter::new(files.write(NAME, REVISION)?);
    let (columns, segments) = (&index.columns, index.text.snapshot());
    let head = Head {
        cursor: cursor.as_bytes().to_vec(),
        as_of: index.as_of,
        rows: columns.len() as u64,
        segments: segments.len() as u64,
        entries: (index.intakes.len() + index.accounts.len()) as u64,
    };
    frame(&mut file, HEADS.encode(&head))?;
    frame(&mut file, TABLES.encode(&columns.saved_tables()))?;
    for start in (0..columns.len()).step_by(BLOCK) {
        let rows = (start..columns.len().min(start + BLOCK)).map(|row| columns.saved(row));
        frame(&mut file, BLOCKS.encode(&rows.collect()))?;
    }
    segments.iter().try_for_each(|segment| save_segment(&mut file, segment))?;
    let intakes = index.intakes.iter().map(|(id, intake)| Entry::Intake(*id, Box::new(intake.clone())));
    let accounts = index.accounts.iter().map(|(id, account)| Entry::Account(*id, Box::new(account.clone())));
    for entry in intakes.chain(accounts) {
        frame(&mut file, ENTRIES.encode(&entry))?;
    }
    file.into_inner().map_err(io::IntoInnerError::into_error)?.finish()
}

fn save_segment(file: &mut impl io::Write, segment: &Arc<Segment>) -> io::Result<()> {
    let parts = segment.parts();
    frame(file, LENGTHS.encode(&parts.map(|part| part.len() as u64)))?;
    parts.iter().flat_map(|part| part.chunks(PIECE)).try_for_each(|piece| bytes(file, piece))
}

/// Reads what was kept, in order and ready for use; nothing if there is no file of this revision.
pub(super) fn load(files: &ViewFiles) -> io::Result<Option<(Index, Cursor)>> {
    let Some(file) = files.read(NAME, REVISION)? else { return Ok(None) };
    let mut file = io::BufReader::new(file);
    let head = unframe(&mut file, &HEADS)?;
    let mut index = Index::to_be_filled();
    index.as_of = head.as_of;
    index.columns = Columns::of_tables(unframe(&mut file, &TABLES)?);
    while (index.columns.len() as u64) < head.rows {
        let block = unframe(&mut file, &BLOCKS)?;
        if block.is_empty() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        for row in block {
            let row = index.columns.restore(row).ok_or(io::ErrorKind::InvalidData)?;
            index.names.add(&index.columns, row);
        }
    }
    let segments = (0..head.segments).map(|_| load_segment(&mut file)).collect::<io::Result<_>>()?;
    index.text = TextIndex::of(segments);
    for _ in 0..head.entries {
        match unframe(&mut file, &ENTRIES)? {
            Entry::Intake(id, intake) => {
                index.put_intake(id, *intake);
                index.look_at_intake(id);
            }
            Entry::Account(id, account) => drop(index.accounts.insert(id, *account)),
        }
    }
    Ok(Some((index, Cursor::from_bytes(head.cursor))))
}

fn load_segment(file: &mut impl io::Read) -> io::Result<Segment> {
    let mut parts = unframe(file, &LENGTHS)?.map(|length| (length, Vec::new()));
    for (length, part) in &mut parts {
        while (part.len() as u64) < *length {
            let piece = unbytes(file)?;
            if piece.is_empty() {
                return Err(io::ErrorKind::InvalidData.into());
            }
            part.extend_from_slice(&piece);
        }
    }
    let [(_, words), (_, lists)] = parts;
    Segment::of_parts(words, lists)
}

fn frame(file: &mut impl io::Write, encoded: Result<Vec<u8>, CodecError>) -> io::Result<()> {
    bytes(file, &encoded.map_err(io::Error::other)?)
}

fn bytes(file: &mut impl io::Write, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    file.write_all(&length.to_be_bytes())?;
    file.write_all(bytes)
}

fn unframe<T: Serialize + DeserializeOwned>(file: &mut impl io::Read, schema: &Schema<T>) -> io::Result<T> {
    schema.decode(&unbytes(file)?).map_err(io::Error::other)
}

fn unbytes(file: &mut impl io::Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    file.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > MAX_ENCODED {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = vec![0; length];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}
