//! Makes a background even: it removes the slope of light from one side, and noise.

use image::{GrayImage, Luma};

use super::ground::Ground;

/// The part of the border to which a plane is fitted. The object may touch the rest.
const FITTED: f32 = 0.7;
/// The number of fits of the plane. Each uses the pixels that are nearest to the plane before.
const FITS: usize = 12;
/// The largest error of a plane, as a fraction of the error of an even shade.
const BETTER: f32 = 0.7;
/// The largest error of a plane for most pixels. With a larger error it is not a background.
const FARTHEST: f32 = 32.0;
/// A background with this tolerance or less has no noise that disturbs.
const CALM: u8 = 16;
/// The largest number of pixels on each side of a pixel that are used for its mean.
const WIDEST: usize = 3;

/// Returns a picture without the slope of its background and without its noise, and the background. The noise is reduced by a mean over as
/// many pixels as become one pixel of the sample.
pub fn even_out(gray: GrayImage, (width, height): (u32, u32)) -> (GrayImage, Ground) {
    let level = level(&gray).unwrap_or(gray);
    let ground = Ground::of(&level);
    let widest = (level.width() / width).min(level.height() / height).saturating_sub(1) as usize / 2;
    let mut found = (None, ground);
    for radius in 1..=widest.min(WIDEST) {
        if found.1.tolerance <= CALM {
            break;
        }
        let smooth = smooth(&level, radius);
        let ground = Ground::of(&smooth);
        found = (Some(smooth), ground);
    }
    (found.0.unwrap_or(level), found.1)
}

/// Subtracts a plane that fits most of the border much better than one shade does. Returns `None` if there is no such plane.
fn level(gray: &GrayImage) -> Option<GrayImage> {
    let (width, height) = gray.dimensions();
    let rows = [0, height - 1].into_iter().flat_map(|y| (0..width).map(move |x| (x, y)));
    let columns = [0, width - 1].into_iter().flat_map(|x| (0..height).map(move |y| (x, y)));
    let border: Vec<[f32; 3]> =
        rows.chain(columns).map(|(x, y)| [x as f32, y as f32, f32::from(gray.get_pixel(x, y).0[0])]).collect();
    let rest = |plane: [f32; 3], [x, y, shade]: [f32; 3]| (shade - plane[0] - plane[1] * x - plane[2] * y).abs();
    let kept = ((border.len() as f32 * FITTED) as usize).max(1);
    // The rest that all of these stay within, and these.
    let nearest = |plane| {
        let mut all = border.clone();
        all.select_nth_unstable_by(kept - 1, |a, b| rest(plane, *a).total_cmp(&rest(plane, *b)));
        (rest(plane, all[kept - 1]), all)
    };
    let shade = f32::from(Ground::of(gray).shade);
    let mut plane = fit(&border)?;
    for _ in 0..FITS {
        plane = fit(&nearest(plane).1[..kept])?;
    }
    let (without, with) = (nearest([shade, 0.0, 0.0]).0, nearest(plane).0);
    let middle = plane[0] + plane[1] * (width - 1) as f32 / 2.0 + plane[2] * (height - 1) as f32 / 2.0;
    (without > f32::from(CALM) / 2.0 && with < FARTHEST.min(BETTER * without)).then(|| {
        GrayImage::from_fn(width, height, |x, y| {
            let light = plane[0] + plane[1] * x as f32 + plane[2] * y as f32;
            Luma([(f32::from(gray.get_pixel(x, y).0[0]) - light + middle).round() as u8])
        })
    })
}

/// Returns the plane of least squares through points: its height at zero, and its slopes. Returns `None` if all points lie in one line.
fn fit(points: &[[f32; 3]]) -> Option<[f32; 3]> {
    let mean = |axis: usize| points.iter().map(|point| f64::from(point[axis])).sum::<f64>() / points.len() as f64;
    let means = [mean(0), mean(1), mean(2)];
    let product = |a: usize, b: usize| -> f64 {
        points.iter().map(|point| (f64::from(point[a]) - means[a]) * (f64::from(point[b]) - means[b])).sum()
    };
    let (xx, yy, xy, xz, yz) = (product(0, 0), product(1, 1), product(0, 1), product(0, 2), product(1, 2));
    let determinant = xx * yy - xy * xy;
    let (x, y) = ((xz * yy - yz * xy) / determinant, (yz * xx - xz * xy) / determinant);
    (x.is_finite() && y.is_finite()).then(|| [means[2] - x * means[0] - y * means[1], x, y].map(|number| number as f32))
}

/// Returns the mean of the pixels around each one, up to `radius` away in its row and its column.
fn smooth(gray: &GrayImage, radius: usize) -> GrayImage {
    let (width, height) = (gray.width() as usize, gray.height() as usize);
    let mut along = vec![0; gray.as_raw().len()];
    let rows = gray.as_raw().chunks_exact(width).zip(along.chunks_exact_mut(width));
    for (row, means) in rows {
        for (x, mean) in means.iter_mut().enumerate() {
            let near = &row[x.saturating_sub(radius)..(x + radius + 1).min(width)];
            let sum: u32 = near.iter().map(|&shade| u32::from(shade)).sum();
            *mean = (sum * 64 / near.len() as u32) as u16;
        }
    }
    let mut smooth = Vec::with_capacity(along.len());
    let mut sums = vec![0; width];
    for y in 0..height {
        let near = y.saturating_sub(radius)..(y + radius + 1).min(height);
        sums.fill(0);
        for row in along[near.start * width..near.end * width].chunks_exact(width) {
            sums.iter_mut().zip(row).for_each(|(sum, &mean)| *sum += u32::from(mean));
        }
        let count = 64 * near.len() as u32;
        smooth.extend(sums.iter().map(|sum| ((sum + count / 2) / count) as u8));
    }
    GrayImage::from_raw(gray.width(), gray.height(), smooth).expect("a shade for each pixel")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a picture of a block on a background.
    fn block(ground: impl Fn(u32, u32) -> u8) -> GrayImage {
        let is_thing = |x: u32, y: u32| (60..140).contains(&x) && (50..200).contains(&y);
        GrayImage::from_fn(200, 200, |x, y| Luma([if is_thing(x, y) { 20 } else { ground(x, y) }]))
    }

    #[test]
    fn an_even_picture_stays_as_it_is() {
        for shade in [0, 90, 128, 255] {
            let even = block(|_, _| shade);
            assert!(even_out(even.clone(), (28, 28)).0 == even, "{shade}");
        }
        let dot = GrayImage::from_pixel(1, 1, Luma([7]));
        assert!(even_out(dot.clone(), (28, 28)).0 == dot);
        let line = GrayImage::from_fn(300, 1, |x, _| Luma([(x % 256) as u8]));
        assert!(even_out(line.clone(), (28, 28)).0 == line);
    }

    #[test]
    fn light_from_one_side_is_taken_off() {
        for (dx, dy) in [(0.5, 0.0), (0.0, -0.5), (0.3, 0.3), (-0.4, 0.2)] {
            let light = move |x, y| (180.0 + dx * (x as f32 - 100.0) + dy * (y as f32 - 100.0)).round() as u8;
            let (level, ground) = even_out(block(light), (28, 28));
            assert!(ground.share > 0.75 && ground.shade.abs_diff(180) < 3 && ground.tolerance < 12, "{ground:?}");
            assert!(level.get_pixel(5, 5).0[0].abs_diff(180) < 4 && level.get_pixel(190, 20).0[0].abs_diff(180) < 4);
            let mask = ground.mask(&level);
            assert_eq!(mask.iter().filter(|&&is_ground| is_ground).count(), 200 * 200 - 80 * 150);
        }
    }

    #[test]
    fn noise_is_smoothed_where_there_are_pixels_enough() {
        let noise = |x: u32, y: u32| (160 + ((x * 7919 + y * 104_729).wrapping_mul(2_654_435_761) >> 20) % 61) as u8;
        let (noisy, ground) = (block(noise), Ground::of(&block(noise)));
        let calm = even_out(noisy.clone(), (28, 28)).1;
        assert!(calm.tolerance < ground.tolerance && calm.share > ground.share, "{ground:?} {calm:?}");
        assert!(even_out(noisy.clone(), (100, 100)) == (noisy, ground));
    }
}
