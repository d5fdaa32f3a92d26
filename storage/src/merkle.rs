//! The Merkle tree of RFC 9162, section 2.1, over record hashes in the tenant's order, grown at its right edge.
//!
//! Kept is only the edge: the roots of the complete subtrees, largest first, one for each bit of the size.

use aws_lc_rs::digest::{Context, SHA256};

/// A hash in the tree.
pub(crate) type Hash = [u8; 32];

/// The right edge of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Edge {
    size: u64,
    roots: Vec<Hash>,
}

impl Edge {
    /// The edge of a tree of this size; `None` if a tree of this size has another number of roots.
    pub(crate) fn new(size: u64, roots: Vec<Hash>) -> Option<Self> {
        (roots.len() == size.count_ones() as usize).then_some(Self { size, roots })
    }

    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn roots(&self) -> &[Hash] {
        &self.roots
    }

    /// Adds a leaf.
    pub(crate) fn push(&mut self, leaf: &Hash) {
        let mut hash = hash_of(&[&[0], leaf]);
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.roots.pop() {
                hash = hash_of(&[&[1], &left, &hash]);
            }
        }
        self.roots.push(hash);
        self.size += 1;
    }

    /// The root of the tree; of the empty one, the hash of nothing.
    pub(crate) fn root(&self) -> Hash {
        let mut roots = self.roots.iter().rev().copied();
        let Some(last) = roots.next() else { return hash_of(&[]) };
        roots.fold(last, |right, left| hash_of(&[&[1], &left, &right]))
    }
}

fn hash_of(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    parts.iter().for_each(|part| context.update(part));
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition of the standard, word for word.
    fn tree(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => hash_of(&[]),
            [leaf] => hash_of(&[&[0], leaf]),
            _ => {
                let split = 1 << (leaves.len() - 1).ilog2();
                hash_of(&[&[1], &tree(&leaves[..split]), &tree(&leaves[split..])])
            }
        }
    }

    #[test]
    fn the_edge_has_the_root_that_the_standard_defines() {
        let leaves: Vec<Hash> = (0..70).map(|n| [n; 32]).collect();
        let mut edge = Edge::default();
        for size in 0..leaves.len() {
            assert_eq!(edge.root(), tree(&leaves[..size]), "size {size}");
            edge.push(&leaves[size]);
            assert!(Edge::new(edge.size(), edge.roots().to_vec()).is_some());
        }
    }
}
