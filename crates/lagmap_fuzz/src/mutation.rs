//! Mutations of inputs, the same for the same seed on every machine.

/// A small generator of pseudo-random numbers (`SplitMix64`).
pub struct Random(u64);

impl Random {
    /// A generator.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub const fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

/// Inputs grow no larger: larger ones only take longer.
const LARGEST: usize = 1 << 16;

/// What parsers of all kinds stumble over.
const TOKENS: [&str; 60] = [
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ":",
    ",",
    "=",
    "\n",
    "\r",
    "    ",
    "\t",
    "\\",
    "'",
    "\"\"\"",
    "f'{",
    "}'",
    "#",
    "*",
    "**",
    "@",
    "lambda ",
    "await ",
    "async ",
    "yield ",
    "for x in ",
    "while True:",
    "with ",
    "try:",
    "except:",
    "finally:",
    "match x:",
    "case ",
    "class A(A):",
    "def f(self):",
    "import a",
    "from . import *",
    "global x",
    "del x",
    "self.x",
    "x = x\n",
    "x.append(x)\n",
    "return x",
    "not ",
    "if x:",
    "else:",
    "&a ",
    "*a ",
    "- ",
    "? ",
    "<<: ",
    "!!x ",
    "|\n",
    "[[api]]",
    "\u{feff}",
    "é",
    "\u{1b}",
    "0",
    "18446744073709551615",
];

/// An input made from one of a corpus.
pub fn mutate(random: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut data = corpus.get(random.below(corpus.len().max(1))).cloned().unwrap_or_default();
    for _ in 0..=random.below(6) {
        change(random, &mut data, corpus);
    }
    data.truncate(LARGEST);
    data
}

fn change(random: &mut Random, data: &mut Vec<u8>, corpus: &[Vec<u8>]) {
    let at = random.below(data.len() + 1);
    let end = (at + random.below(32)).min(data.len());
    match random.below(10) {
        0 => {
            if let Some(byte) = data.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        1 => {
            if let Some(byte) = data.get_mut(at) {
                *byte = [0, 1, 0x7f, 0x80, 0xff, b'\n', b' '][random.below(7)];
            }
        }
        2 => drop(data.drain(at..end)),
        3 => drop(data.drain(at..(at + random.below(400)).min(data.len()))),
        4 | 5 => insert(data, at, TOKENS[random.below(TOKENS.len())].as_bytes()),
        6 => {
            let token = TOKENS[random.below(TOKENS.len())];
            insert(data, at, token.repeat(1 + random.below(300)).as_bytes());
        }
        7 => {
            let part = data[at..end].to_vec();
            let to = random.below(data.len() + 1);
            insert(data, to, &part);
        }
        8 => {
            let part = data[at..].to_vec();
            insert(data, at, &part);
        }
        _ => {
            let other = &corpus[random.below(corpus.len())];
            let from = random.below(other.len() + 1);
            data.truncate(at);
            data.extend(&other[from..]);
        }
    }
}

fn insert(data: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if data.len() + bytes.len() <= LARGEST {
        data.splice(at..at, bytes.iter().copied());
    }
}
