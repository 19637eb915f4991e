//! Python's marshal format, as far as `pstats` dumps need it: dicts, tuples, texts and numbers.
//!
//! The format is that of `Python/marshal.c`, versions 2 to 4. Each object is a type byte, whose highest bit says that the object
//! gets a number by which it can be referred to, and its content. Lengths are checked against what is left of the file,
//! so that no claim makes more memory than the file has bytes.

use std::rc::Rc;

use super::ProfileError;

/// An object.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Integer(i64),
    Float(f64),
    Text(Rc<str>),
    Tuple(Rc<[Value]>),
    Dict(Rc<Vec<(Value, Value)>>),
    /// None, booleans: nothing that a profile uses.
    Other,
}

/// Levels of containers in a dump: a dict of tuples of a dict of tuples.
const MAX_LEVELS: u32 = 16;
const REFERABLE: u8 = 0x80;

pub(super) struct Reader<'a> {
    rest: &'a [u8],
    referred: Vec<Option<Value>>,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, referred: Vec::new() }
    }

    pub fn value(&mut self) -> Result<Value, ProfileError> {
        self.object(0)?.ok_or_else(|| broken("an object is missing"))
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], ProfileError> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or_else(|| broken("it breaks off"))?;
        self.rest = rest;
        Ok(*taken)
    }

    fn bytes(&mut self, length: usize) -> Result<&'a [u8], ProfileError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(|| broken("it breaks off"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn length(&mut self) -> Result<usize, ProfileError> {
        usize::try_from(i32::from_le_bytes(self.take()?)).map_err(|_| broken("a negative length"))
    }

    /// The next object; `None` for the mark that ends a dict.
    fn object(&mut self, level: u32) -> Result<Option<Value>, ProfileError> {
        let [code] = self.take()?;
        let slot = (code & REFERABLE != 0).then(|| {
            self.referred.push(None);
            self.referred.len() - 1
        });
        let value = match code & !REFERABLE {
            b'0' => return Ok(None),
            b'N' | b'T' | b'F' | b'.' | b'S' => Value::Other,
            b'i' => Value::Integer(i32::from_le_bytes(self.take()?).into()),
            b'I' => Value::Integer(i64::from_le_bytes(self.take()?)),
            b'l' => Value::Integer(self.long()?),
            b'g' => Value::Float(f64::from_le_bytes(self.take()?)),
            b'f' => {
                let [length] = self.take()?;
                let digits =
                    std::str::from_utf8(self.bytes(length.into())?).map_err(|_| broken("a number of no digits"))?;
                Value::Float(digits.parse().map_err(|_| broken("a number of no digits"))?)
            }
            b's' | b't' | b'u' | b'a' | b'A' => {
                let length = self.length()?;
                text(self.bytes(length)?)
            }
            b'z' | b'Z' => {
                let [length] = self.take()?;
                text(self.bytes(length.into())?)
            }
            b')' => {
                let [length] = self.take()?;
                self.tuple(length.into(), level)?
            }
            b'(' => {
                let length = self.length()?;
                self.tuple(length, level)?
            }
            b'{' => self.dict(level)?,
            b'r' => {
                let number = self.length()?;
                let known = self.referred.get(number).cloned().flatten();
                return known.map(Some).ok_or_else(|| broken("it refers to an object that is not there"));
            }
            other => return Err(broken(&format!("no profile has objects of type {:?}", char::from(other)))),
        };
        if let Some(slot) = slot {
            self.referred[slot] = Some(value.clone());
        }
        Ok(Some(value))
    }

    fn tuple(&mut self, length: usize, level: u32) -> Result<Value, ProfileError> {
        if level >= MAX_LEVELS || length > self.rest.len() {
            return Err(broken("a tuple that cannot be"));
        }
        let items = (0..length).map(|_| self.object(level + 1)?.ok_or_else(|| broken("a tuple breaks off")));
        Ok(Value::Tuple(items.collect::<Result<_, _>>()?))
    }

    fn dict(&mut self, level: u32) -> Result<Value, ProfileError> {
        if level >= MAX_LEVELS {
            return Err(broken("a dict that cannot be"));
        }
        let mut entries = Vec::new();
        while let Some(key) = self.object(level + 1)? {
            entries.push((key, self.object(level + 1)?.ok_or_else(|| broken("a dict breaks off"))?));
        }
        Ok(Value::Dict(Rc::new(entries)))
    }

    /// Digits of 15 bits; what does not fit stands for the largest number.
    fn long(&mut self) -> Result<i64, ProfileError> {
        let digits = i32::from_le_bytes(self.take()?);
        let mut value: i64 = 0;
        for index in 0..digits.unsigned_abs() {
            let digit = i64::from(u16::from_le_bytes(self.take()?));
            let shifted = if index < 4 { digit.checked_shl(15 * index) } else { None };
            value = match shifted {
                Some(shifted) => value.saturating_add(shifted),
                None if digit == 0 => value,
                None => i64::MAX,
            };
        }
        Ok(if digits < 0 { -value } else { value })
    }
}

fn text(bytes: &[u8]) -> Value {
    Value::Text(String::from_utf8_lossy(bytes).into())
}

fn broken(what: &str) -> ProfileError {
    ProfileError::Malformed(what.to_owned())
}
