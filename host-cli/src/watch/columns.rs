//! Which columns of the list of services there is room for: the name goes last.

use ratatui::text::Span;

/// A column of the list of services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Name,
    State,
    Answer,
    Times,
    Up,
    Queue,
    Address,
}

/// In the order in which they stand.
const ALL: [Column; 7] =
    [Column::Name, Column::State, Column::Answer, Column::Times, Column::Up, Column::Queue, Column::Address];
/// What is left out first where not everything has room.
const LEFT_OUT: [Column; 5] = [Column::Times, Column::Address, Column::Up, Column::Queue, Column::Answer];
/// An address of this machine with its port.
const ADDRESS_LEAST: usize = 14;
/// No name pushes everything else away.
const NAME_MOST: usize = 24;

impl Column {
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Name => "service",
            Self::State => "state",
            Self::Answer => "answer",
            Self::Times => "",
            Self::Up => "up",
            Self::Queue => "queue",
            Self::Address => "address",
        }
    }

    /// The least that it needs; a name needs what the longest takes.
    fn least(self, name: usize) -> usize {
        match self {
            Self::Name => name,
            Self::State => 24,
            Self::Answer => 8,
            Self::Times => 6,
            Self::Up => 7,
            Self::Queue => 5,
            Self::Address => ADDRESS_LEAST,
        }
    }
}

/// The columns with their widths; the last takes what is left.
pub(super) fn columns(width: usize, names: &[String]) -> Vec<(Column, usize)> {
    let longest = names.iter().map(|name| Span::raw(name.as_str()).width()).max().unwrap_or_default();
    let name = longest.clamp(Column::Name.title().len(), NAME_MOST);
    let mut shown = ALL.to_vec();
    // One between two of them.
    let taken = |shown: &[Column]| shown.iter().map(|column| column.least(name) + 1).sum::<usize>().saturating_sub(1);
    for column in LEFT_OUT {
        if taken(&shown) <= width {
            break;
        }
        shown.retain(|known| *known != column);
    }
    let mut columns: Vec<_> = shown.iter().map(|column| (*column, column.least(name))).collect();
    if let Some((_, last)) = columns.last_mut() {
        *last = (*last + width).saturating_sub(taken(&shown));
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::{Column, columns};

    fn shown(width: usize) -> Vec<Column> {
        columns(width, &["● The Lamp".to_owned()]).into_iter().map(|(column, _)| column).collect()
    }

    #[test]
    fn the_name_is_the_last_to_go() {
        use Column::{Address, Answer, Name, Queue, State, Times, Up};
        assert_eq!(shown(80), [Name, State, Answer, Times, Up, Queue, Address]);
        assert_eq!(shown(75), [Name, State, Answer, Up, Queue, Address]);
        assert_eq!(shown(60), [Name, State, Answer, Up, Queue]);
        assert_eq!(shown(40), [Name, State]);
        assert_eq!(shown(0), [Name, State], "nothing breaks without room");
    }

    #[test]
    fn all_the_room_is_used_and_no_more() {
        for width in 40..200 {
            let columns = columns(width, &["● Lamp".to_owned()]);
            let taken: usize = columns.iter().map(|(_, width)| width).sum();
            assert_eq!(taken + columns.len() - 1, width, "{columns:?}");
        }
    }
}
