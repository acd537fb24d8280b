//! How much memory a driver holds: it has its own copy of the allocator, so it has its own count.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicU64, Ordering},
};

static HELD: AtomicU64 = AtomicU64::new(0);

/// The system's allocator, counting. [`export_driver!`](crate::export_driver) makes it the driver's.
pub struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; the count beside it touches no memory of theirs.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is passed on.
        let pointer = unsafe { System.alloc(layout) };
        grown(pointer, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is passed on.
        let pointer = unsafe { System.alloc_zeroed(layout) };
        grown(pointer, layout.size())
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size() as u64, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise is passed on.
        let moved = unsafe { System.realloc(pointer, layout, size) };
        if !moved.is_null() {
            HELD.fetch_add(size as u64, Ordering::Relaxed);
            HELD.fetch_sub(layout.size() as u64, Ordering::Relaxed);
        }
        moved
    }
}

fn grown(pointer: *mut u8, size: usize) -> *mut u8 {
    if !pointer.is_null() {
        HELD.fetch_add(size as u64, Ordering::Relaxed);
    }
    pointer
}

/// Bytes that are allocated now and were not freed yet.
pub(crate) fn held() -> u64 {
    HELD.load(Ordering::Relaxed)
}
