//! Published data sets. They are recognised by their files' checksums, not by their names.

use selvedge::fashion_mnist;
use sha2::{Digest, Sha256};

use super::contents::Contents;
use crate::weights::hex;

/// A published data set.
#[derive(Debug, PartialEq, Eq)]
pub struct Known {
    /// The set's name.
    pub name: &'static str,
    /// The names of the set's classes.
    pub classes: [&'static str; 10],
    /// SHA-256 of the four files in [the usual order](super::locate::NAMES), unpacked, or gzipped as they are published.
    sums: [&'static str; 4],
}

/// The sizes of the four files, unpacked. They are the same for all these sets.
const SIZES: [usize; 4] = [47_040_016, 60_008, 7_840_016, 10_008];

/// The sets.
pub const ALL: [Known; 3] = [
    // Computed from the files whose sums Fashion-MNIST's own README states.
    Known {
        name: "Fashion-MNIST",
        classes: fashion_mnist::CLASS_NAMES,
        sums: [
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ],
    },
    // Unpacked: many independent projects state the same sums, zml and kettle among them.
    Known {
        name: "MNIST",
        classes: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
        sums: [
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ],
    },
    // Gzipped, as torchvision's prototype datasets/_builtin/mnist.py and torchvision-ruby's kmnist.rb state them.
    Known {
        name: "KMNIST",
        classes: ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"],
        sums: [
            "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
            "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
            "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
            "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
        ],
    },
];

/// Returns the set that has this file in the place `slot` of its four files.
pub fn of(slot: usize, contents: &Contents) -> Option<&'static Known> {
    let len = contents.bytes.len();
    if len != SIZES[slot] {
        return None;
    }
    let with_sum_of = |bytes: &[u8]| {
        let sum = hex(&Sha256::digest(bytes));
        ALL.iter().find(|known| known.sums[slot] == sum)
    };
    with_sum_of(contents.bytes.get(0..len)).or_else(|| with_sum_of(contents.packed.as_deref()?))
}

/// Returns true if a published set or the program itself has this name, in any spelling.
pub fn is_taken(name: &str) -> bool {
    let letters =
        |name: &str| name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    let name = letters(name);
    ALL.iter().map(|known| known.name).chain(["builtin", "unknown"]).any(|taken| letters(taken) == name)
}
