//! Reading that passes over what has another shape than expected, and that keeps nothing nobody asked for: what an app
//! says is written by strangers, and its fields have changed their types over the years.

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use std::{fmt, marker::PhantomData};

/// What can be read out of some shapes of JSON.
pub(crate) trait Shape: Sized {
    fn of_text(_text: &str) -> Option<Self> {
        None
    }

    fn of_number(_number: u64) -> Option<Self> {
        None
    }

    fn of_real(_number: f64) -> Option<Self> {
        None
    }

    fn of_flag(_flag: bool) -> Option<Self> {
        None
    }

    fn of_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Option<Self>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn of_object<'de, A: MapAccess<'de>>(mut object: A) -> Result<Option<Self>, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

/// What was read, or nothing where it had another shape.
#[derive(Debug, Clone, Default)]
pub(crate) struct Loose<T>(pub(crate) Option<T>);

impl<'de, T: Shape> Deserialize<'de> for Loose<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any(PhantomData)).map(Self)
    }
}

/// For fields that are missing as often as they are odd.
pub(crate) fn maybe<'de, D: Deserializer<'de>, T: Shape>(deserializer: D) -> Result<Option<T>, D::Error> {
    Loose::deserialize(deserializer).map(|loose| loose.0)
}

/// The same with the default in place of nothing.
pub(crate) fn or_default<'de, D: Deserializer<'de>, T: Shape + Default>(deserializer: D) -> Result<T, D::Error> {
    maybe(deserializer).map(Option::unwrap_or_default)
}

struct Any<T>(PhantomData<T>);

impl<'de, T: Shape> Visitor<'de> for Any<T> {
    type Value = Option<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(T::of_flag(flag))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(T::of_number(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(T::of_real(number as f64))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(T::of_real(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(T::of_text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        T::of_list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Self::Value, A::Error> {
        T::of_object(object)
    }
}

impl Shape for String {
    fn of_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl Shape for u64 {
    fn of_number(number: u64) -> Option<Self> {
        Some(number)
    }
}

impl Shape for f64 {
    fn of_number(number: u64) -> Option<Self> {
        Some(number as Self)
    }

    fn of_real(number: f64) -> Option<Self> {
        Some(number)
    }
}

impl Shape for bool {
    fn of_flag(flag: bool) -> Option<Self> {
        Some(flag)
    }
}

/// What has another shape leaves a gap, as places in a list may be numbers of something.
impl<T: Shape> Shape for Vec<Loose<T>> {
    fn of_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Option<Self>, A::Error> {
        let mut items = Self::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Some(items))
    }
}

/// Reads an object through the derived reader of its type.
macro_rules! objects {
    ($($name:ident),*) => {
        $(impl $crate::loose::Shape for $name {
            fn of_object<'de, A: serde::de::MapAccess<'de>>(object: A) -> std::result::Result<Option<Self>, A::Error> {
                let fields = serde::de::value::MapAccessDeserializer::new(object);
                serde::Deserialize::deserialize(fields).map(Some)
            }
        })*
    };
}
pub(crate) use objects;
