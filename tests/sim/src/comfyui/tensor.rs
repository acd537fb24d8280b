//! Pictures as torch prints them, which is how they appear in error reports.

use super::work::{Image, Pixels};

/// More elements than this are abridged.
const THRESHOLD: u64 = 1000;
const EDGE: usize = 3;

/// `repr()` of the tensor of a picture of one colour; others are given no better description than their shape.
pub(super) fn repr(image: &Image) -> String {
    let Pixels::Solid(color) = image.pixels else {
        return format!("tensor of shape [{}, {}, {}, 3]", image.batch, image.height, image.width);
    };
    let sizes = [image.batch as usize, image.height as usize, image.width as usize];
    let is_short = sizes.iter().product::<usize>() as u64 * 3 <= THRESHOLD;
    let pixel = pixel(color);
    let row = block(&vec![pixel; shown(sizes[2], is_short)], sizes[2], is_short, ",\n          ");
    let plane = block(&vec![row; shown(sizes[1], is_short)], sizes[1], is_short, ",\n\n         ");
    let batch = block(&vec![plane; shown(sizes[0], is_short)], sizes[0], is_short, ",\n\n\n        ");
    format!("tensor({batch})")
}

fn pixel(color: u32) -> String {
    let channels = [16, 8, 0].map(|shift| (color >> shift) & 0xFF);
    let is_whole = channels.iter().all(|channel| matches!(channel, 0 | 255));
    let text = channels.map(|channel| match is_whole {
        true => format!("{}.", channel / 255),
        false => format!("{:.4}", f64::from(channel) / 255.0),
    });
    format!("[{}]", text.join(", "))
}

fn shown(size: usize, is_short: bool) -> usize {
    if is_short || size <= 2 * EDGE { size } else { 2 * EDGE }
}

fn block(items: &[String], size: usize, is_short: bool, separator: &str) -> String {
    if is_short || size <= 2 * EDGE {
        return format!("[{}]", items.join(separator));
    }
    let (head, tail) = items.split_at(EDGE);
    format!("[{}{separator}...{separator}{}]", head.join(separator), tail.join(separator))
}
