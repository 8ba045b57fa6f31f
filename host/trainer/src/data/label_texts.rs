//! Classes of labels that are texts.

use crate::{classes::Classes, data::names::Named};

/// Turns labels that are texts into classes. `texts` are the different labels, in the order of their first appearance.
///
/// Returns the classes, and the class of each label. Whole numbers are sorted as numbers, other texts by their characters. Numbers from 0
/// without a gap are classes without names.
///
/// `given` names the classes. If each label's text is one of the names, the label has the class of that name. Else all labels must be whole
/// numbers. If there are as many different labels as names, the smallest label has the first class, and so on. If not, each label is the number
/// of its class.
///
/// # Errors
///
/// The index in `texts` of the first label that cannot be used, and the reason: it names no class, has a fraction, or is not a valid name.
pub fn classes(texts: &[&str], given: Option<&Named>) -> Result<(Classes, Vec<u16>), (usize, String)> {
    let whole: Option<Vec<i64>> = texts.iter().map(|text| as_whole(text)).collect();
    if whole.is_none()
        && texts.iter().all(|text| text.parse::<f64>().is_ok())
        && let Some(label) = texts.iter().position(|text| as_whole(text).is_none())
    {
        return Err((
            label,
            format!(
                "{:?} is a number with a fraction, and no class; --label names the column of the classes, or --task regression learns the number",
                texts[label]
            ),
        ));
    }
    // Each label's place among the different ones, in their order.
    let (places, names): (Vec<usize>, Vec<String>) = match &whole {
        Some(numbers) => {
            let mut sorted = numbers.clone();
            sorted.sort_unstable();
            sorted.dedup();
            let places = numbers.iter().map(|number| sorted.partition_point(|other| other < number)).collect();
            (places, sorted.iter().map(ToString::to_string).collect())
        }
        None => {
            let mut sorted = texts.to_vec();
            sorted.sort_unstable();
            let places = texts.iter().map(|text| sorted.partition_point(|other| other < text)).collect();
            (places, sorted.into_iter().map(String::from).collect())
        }
    };
    let Some(given) = given else {
        let are_numbered = whole.is_some() && names.iter().zip(0..).all(|(name, number)| *name == number.to_string());
        let classes = if are_numbered { Ok(Classes::numbered(names.len())) } else { Classes::named(names.clone()) };
        let classes = classes.map_err(|error| {
            let wrong = names.iter().position(|name| Classes::named([name.clone()]).is_err());
            (places.iter().position(|&place| Some(place) == wrong).unwrap_or(0), error.to_string())
        })?;
        return Ok((classes, places.into_iter().map(|place| place as u16).collect()));
    };
    let classes = &given.classes;
    let all: Vec<_> = classes.all().collect();
    let by_name: Vec<Option<usize>> = names.iter().map(|name| all.iter().position(|other| other == name)).collect();
    let of_place: Vec<usize> = if let Some(by_name) = by_name.iter().copied().collect() {
        by_name
    } else if let Some(numbers) = &whole {
        let is_one = |number: &i64| (0..classes.count() as i64).contains(number);
        if names.len() == classes.count() {
            (0..names.len()).collect()
        } else if let Some(label) = numbers.iter().position(|number| !is_one(number)) {
            return Err((
                label,
                format!("{} is none of the {} classes that {} names", texts[label], classes.count(), given.source),
            ));
        } else {
            names.iter().map(|name| name.parse().unwrap_or(0)).collect()
        }
    } else {
        let unknown = by_name.iter().position(Option::is_none);
        let label = places.iter().position(|&place| Some(place) == unknown).unwrap_or(0);
        return Err((label, format!("{} names no class {:?}", given.source, texts[label])));
    };
    Ok((classes.clone(), places.into_iter().map(|place| of_place[place] as u16).collect()))
}

/// Returns the whole number that a text is, also as `3.0`.
fn as_whole(text: &str) -> Option<i64> {
    const LARGEST: f64 = (1_i64 << 53) as f64;
    let number = text.parse::<f64>().ok().filter(|number| number.fract() == 0.0 && number.abs() <= LARGEST);
    number.map(|number| number as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &str) -> Named {
        Named { source: "--classes".into(), classes: Classes::named(names.split(',')).unwrap() }
    }

    fn of(texts: &[&str], given: Option<&str>) -> Result<(Vec<String>, Vec<u16>), (usize, String)> {
        let given = given.map(named);
        let (classes, map) = classes(texts, given.as_ref())?;
        let names = if classes.are_named() {
            classes.all().map(String::from).collect()
        } else {
            vec![format!("{}", classes.count())]
        };
        Ok((names, map))
    }

    #[test]
    fn labels_are_sorted_as_texts_or_numbers() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(of(&["walk", "run", "10"], None), Ok((names(&["10", "run", "walk"]), vec![2, 1, 0])));
        assert_eq!(of(&["10", "9", "-1"], None), Ok((names(&["-1", "9", "10"]), vec![2, 1, 0])));
        assert_eq!(of(&["2.0", "0", "1", "2"], None), Ok((names(&["3"]), vec![2, 0, 1, 2])));
        assert_eq!(of(&["1", "2.5"], None).unwrap_err().0, 1);
        assert_eq!(of(&["a", "b\u{7}"], None).unwrap_err().0, 1);
    }

    #[test]
    fn given_names_fit_by_text_order_or_number() {
        let map = |texts: &[&str], given| of(texts, Some(given)).map(|(_, map)| map);
        assert_eq!(map(&["walk", "run"], "run,sit,walk"), Ok(vec![2, 0]));
        assert_eq!(map(&["3", "1", "2"], "a,b,c"), Ok(vec![2, 0, 1]));
        assert_eq!(map(&["2", "1"], "a,b,c"), Ok(vec![2, 1]));
        assert_eq!(map(&["1", "3"], "a,b,c"), Err((1, "3 is none of the 3 classes that --classes names".into())));
        assert_eq!(map(&["walk", "run"], "walk,jump"), Err((1, "--classes names no class \"run\"".into())));
    }
}
