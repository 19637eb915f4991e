//! Sets of names that tell quickly what they do not hold.

use lagmap_facts::NameHash;

/// A set of names that may claim to hold a name that was never added, but never denies one that was. With the 60 names that
/// a class of a deep hierarchy has, it is wrong about a fifth of all others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NameSet([u64; 4]);

impl NameSet {
    fn bit(name: NameHash) -> (usize, u64) {
        ((name.0 >> 6) as usize % 4, 1 << (name.0 % 64))
    }

    /// Adds a name.
    pub fn add(&mut self, name: NameHash) {
        let (word, bit) = Self::bit(name);
        self.0[word] |= bit;
    }

    /// Adds all names of another set.
    pub fn add_all(&mut self, other: &Self) {
        for (own, other) in self.0.iter_mut().zip(other.0) {
            *own |= other;
        }
    }

    /// Whether a name may be in the set.
    pub fn may_hold(&self, name: NameHash) -> bool {
        let (word, bit) = Self::bit(name);
        self.0[word] & bit != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denies_no_name_that_was_added() {
        let names = |from: u32| (from..from + 60).map(|index| NameHash::of(&format!("name_{index}")));
        let (mut set, mut others) = (NameSet::default(), NameSet::default());
        names(0).for_each(|name| set.add(name));
        assert!(names(0).all(|name| set.may_hold(name)));
        assert!(names(1000).filter(|name| set.may_hold(*name)).count() < 30);
        names(1000).for_each(|name| others.add(name));
        set.add_all(&others);
        assert!(names(0).chain(names(1000)).all(|name| set.may_hold(name)));
    }
}
