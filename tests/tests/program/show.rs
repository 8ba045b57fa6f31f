//! `show`: what augmentation makes of images, what a network has learned, and what it looks at.

#![allow(clippy::unwrap_used, reason = "a test's helper functions are tests too")]

use std::{fs, path::Path};

use selvedge::shape::InputShape;
use tests::{refusal, said};

const TRAIN: &str = "train --recipe quickstart --limit-train 300 --steps 20";

/// A PNG's columns and rows.
fn size(path: &Path) -> (u32, u32) {
    let bytes = fs::read(path).unwrap();
    assert!(bytes.starts_with(b"\x89PNG"));
    let number = |place: usize| u32::from_be_bytes(bytes[place..place + 4].try_into().unwrap());
    (number(16), number(20))
}

#[test]
fn augmented_images_stand_beside_the_originals() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let of = |options: &str, name: &str| {
        let text = said(folder, &format!("show --data builtin --augment {options} --out {name}"));
        (text, fs::read(folder.join(name)).unwrap())
    };
    let (text, first) = of("flip,shift=2 --count 3 --epochs 4", "a.png");
    assert!(text.contains("Saved a.png: 3 images, and what 4 epochs with seed 42 make of each"), "{text}");
    // Three rows of five images, with captions.
    assert_eq!(size(&folder.join("a.png")), (5 * (84 + 8) + 8, 3 * (84 + 16 + 8) + 8));
    assert_eq!(of("flip,shift=2 --count 3 --epochs 4 --seed 42", "b.png").1, first);
    assert_ne!(of("flip,shift=2 --count 3 --epochs 4 --seed 43", "b.png").1, first);
    // The recipe `best` flips and shifts.
    assert_eq!(of("--recipe best --count 2", "c.png").1, of("flip,shift=1 --count 2", "d.png").1);
    assert_eq!(of("--count 2", "c.png").1, of("flip,shift=1 --count 2", "d.png").1);
    let error = refusal(folder, "show --data builtin --augment --recipe fast");
    assert!(
        error.starts_with("--augment: the recipe changes no image; name changes, such as --augment flip"),
        "{error}"
    );
    let error = refusal(folder, "show --data builtin --augment shift=40");
    assert!(error.contains("shift=40 is more than the 28 pixels"), "{error}");
}

#[test]
fn a_networks_weights_and_its_saliency_maps_are_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    said(folder, &format!("{TRAIN} --data builtin --model tiny"));
    let text = said(folder, "show --weights weights/tiny.selvedge --out w.png");
    assert!(text.contains("Saved w.png: the first layer's weights of 16 of 16 units; blue is -0."), "{text}");
    assert_eq!(size(&folder.join("w.png")), (10 * (84 + 8) + 8, 2 * (84 + 16 + 8) + 8));
    let text = said(folder, "show --weights weights/tiny.selvedge --count 3 --out w.png");
    assert!(text.contains("of 3 of 16 units"), "{text}");

    let saliency = "show --weights weights/tiny.selvedge --saliency --data builtin --count 3 --out s.png";
    let text = said(folder, saliency);
    assert!(text.contains("Saved s.png: 3 images with their true class"), "{text}");
    assert_eq!(size(&folder.join("s.png")), (4 * (168 + 8) + 8, 2 * (168 + 16 + 8) + 8));
    let first = fs::read(folder.join("s.png")).unwrap();
    said(folder, &format!("{saliency} --threads 3"));
    assert_eq!(fs::read(folder.join("s.png")).unwrap(), first);

    said(folder, "quantize weights/tiny.selvedge --data builtin --out q.selvedge");
    for options in ["", " --saliency --data builtin"] {
        let error = refusal(folder, &format!("show --weights q.selvedge{options}"));
        assert!(error.contains("these are int8; name the .selvedge file that was quantised"), "{error}");
    }
}

#[test]
fn colour_images_are_shown_in_colour() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tests::write_data(folder, InputShape::Image { channels: 3, height: 12, width: 14 }, 4, [300, 20]);
    said(folder, &format!("{TRAIN} --data . --layers 504,6,4 --out rgb.selvedge"));
    for (options, expected) in [
        ("--count 4 --out a.png", (4 * (42 + 8) + 8, 36 + 16 + 16)),
        ("--augment flip --count 1 --epochs 2 --out a.png", (3 * (84 + 8) + 8, 72 + 16 + 16)),
        ("--weights rgb.selvedge --out a.png", (6 * (84 + 8) + 8, 72 + 16 + 16)),
        ("--weights rgb.selvedge --saliency --count 1 --out a.png", (2 * (168 + 8) + 8, 144 + 16 + 16)),
    ] {
        said(folder, &format!("show --data . {options}"));
        assert_eq!(size(&folder.join("a.png")), expected, "{options}");
    }
    let error = refusal(folder, "show --data . --plain");
    assert!(error.contains("--plain saves images in shades of grey, and these have 3 channels"), "{error}");
}

#[test]
fn what_is_no_image_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tests::write_data(folder, InputShape::Features(12), 4, [300, 20]);
    said(folder, &format!("{TRAIN} --data . --layers 12,4 --out f.selvedge"));
    for (options, words) in [
        (
            "--augment flip",
            "a sample is 12 features, and only images of 1 or 3 channels can be shown; `data` shows others",
        ),
        (
            "--weights f.selvedge",
            "f.selvedge: the network takes 12 features, but only a network for images of 1 or 3 channels can be drawn; `inspect`",
        ),
        ("--weights f.selvedge --saliency", "f.selvedge: the network takes 12 features"),
        ("--weights none.selvedge", "cannot read none.selvedge"),
    ] {
        let error = refusal(folder, &format!("show --data . {options}"));
        assert!(error.contains(words), "{options}: {error}");
    }
}
