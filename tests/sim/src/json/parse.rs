//! Reading JSON with Python's extensions.

use thiserror::Error;

use super::Json;

/// Deeper nesting than this is refused, as Python's recursion limit does.
const MAX_DEPTH: usize = 900;

/// The text is no JSON.
#[derive(Debug, Error, PartialEq)]
#[error("invalid JSON at byte {at}")]
pub(crate) struct Invalid {
    /// The byte at which it stops being JSON.
    pub(crate) at: usize,
}

/// Reads one JSON document; `NaN`, `Infinity` and `-Infinity` are numbers.
pub(crate) fn parse(text: &[u8]) -> Result<Json, Invalid> {
    let text = std::str::from_utf8(text).map_err(|error| Invalid { at: error.valid_up_to() })?;
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.space();
    if reader.at == text.len() { Ok(value) } else { reader.fail() }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Json, Invalid> {
        self.space();
        if depth > MAX_DEPTH {
            return self.fail();
        }
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.string().map(Json::String),
            _ => self.word_or_number(),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, Invalid> {
        let mut object = Json::Object(Vec::new());
        self.at += 1;
        self.space();
        if self.accept("}") {
            return Ok(object);
        }
        loop {
            self.space();
            let key = self.string()?;
            self.space();
            self.expect(":")?;
            // As in Python, the last of equal keys wins.
            object.set(&key, self.value(depth + 1)?);
            self.space();
            if self.accept("}") {
                return Ok(object);
            }
            self.expect(",")?;
        }
    }

    fn list(&mut self, depth: usize) -> Result<Json, Invalid> {
        let mut items = Vec::new();
        self.at += 1;
        self.space();
        if self.accept("]") {
            return Ok(Json::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            if self.accept("]") {
                return Ok(Json::List(items));
            }
            self.expect(",")?;
        }
    }

    fn string(&mut self) -> Result<String, Invalid> {
        self.expect("\"")?;
        let mut text = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.find(['"', '\\']).map_or_else(|| self.fail(), Ok)?;
            if rest[..plain].bytes().any(|byte| byte < 0x20) {
                return self.fail();
            }
            text.push_str(&rest[..plain]);
            self.at += plain + 1;
            if rest.as_bytes()[plain] == b'"' {
                return Ok(text);
            }
            text.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Result<char, Invalid> {
        let kind = self.peek();
        self.at += 1;
        Ok(match kind {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(plain @ (b'"' | b'\\' | b'/')) => char::from(plain),
            Some(b'u') => return self.unicode(),
            _ => return self.fail(),
        })
    }

    fn unicode(&mut self) -> Result<char, Invalid> {
        let first = self.hex4()?;
        let low = (0xD800..0xDC00).contains(&first) && self.accept("\\u");
        let code =
            if low { 0x10000 + ((first - 0xD800) << 10) + (self.hex4()?.wrapping_sub(0xDC00) & 0x3FF) } else { first };
        // Python keeps lone surrogates; Rust strings cannot.
        Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex4(&mut self) -> Result<u32, Invalid> {
        let digits = self.text.get(self.at..self.at + 4).map_or_else(|| self.fail(), Ok)?;
        let code = u32::from_str_radix(digits, 16).or_else(|_| self.fail())?;
        self.at += 4;
        Ok(code)
    }

    fn word_or_number(&mut self) -> Result<Json, Invalid> {
        let words = [
            ("null", Json::Null),
            ("true", Json::Bool(true)),
            ("false", Json::Bool(false)),
            ("NaN", Json::Float(f64::NAN)),
            ("Infinity", Json::Float(f64::INFINITY)),
            ("-Infinity", Json::Float(f64::NEG_INFINITY)),
        ];
        for (word, value) in words {
            if self.accept(word) {
                return Ok(value);
            }
        }
        self.number()
    }

    fn number(&mut self) -> Result<Json, Invalid> {
        let rest = &self.text[self.at..];
        let length = rest.find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E')).unwrap_or(rest.len());
        let text = &rest[..length];
        let digits = text.strip_prefix('-').unwrap_or(text);
        let leading_zero = digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit();
        if leading_zero || !digits.starts_with(|c: char| c.is_ascii_digit()) || digits.ends_with('.') {
            return self.fail();
        }
        let number = match text.parse::<i128>() {
            Ok(number) => Json::Int(number),
            Err(_) => Json::Float(text.parse().or_else(|_| self.fail())?),
        };
        self.at += length;
        Ok(number)
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn accept(&mut self, word: &str) -> bool {
        let found = self.text[self.at..].starts_with(word);
        self.at += if found { word.len() } else { 0 };
        found
    }

    fn expect(&mut self, word: &str) -> Result<(), Invalid> {
        if self.accept(word) { Ok(()) } else { self.fail() }
    }

    fn fail<T>(&self) -> Result<T, Invalid> {
        Err(Invalid { at: self.at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_numbers_and_words_survive_a_round_trip() {
        let text = r#"{"a": NaN, "b": 1e+16, "c": 1e-05, "d": "\u00e9", "e": 18446744073709551615, "f": 1.0, "g": -Infinity, "h": -5.0, "i": 0.1, "j": [1, true, null]}"#;
        assert_eq!(parse(text.as_bytes()).unwrap().to_python(), text);
    }

    #[test]
    fn broken_text_is_refused() {
        for text in ["", "{", "{not json", "[1,]", "{\"a\":}", "\"", "01", "1.", "nul", "{} x", "\"\\u12\"", "-", "+1"]
        {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(parse("[".repeat(100_000).as_bytes()).is_err(), "deep nesting must not overflow the stack");
    }
}
