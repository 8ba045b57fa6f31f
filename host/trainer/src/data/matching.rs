//! Finds the classes of samples that are labelled by names, for a network whose classes also have names.

use super::{Dataset, EndsError};
use crate::classes::Classes;

impl Dataset {
    /// Gives the samples the labels of a network's classes. Samples that are labelled by numbers stay as they are. For samples that are labelled
    /// by names, the first rule that fits is used:
    ///
    /// 1. If the network has every name, a class becomes the network's class with the same name.
    /// 2. If every name is the number of a class of the network, a class becomes the network's class with this number.
    /// 3. If the network's classes have no names, the samples stay as they are.
    ///
    /// # Errors
    ///
    /// [`EndsError::Class`], with the first name that is no class of the network.
    pub fn labelled_for(self, network: &Classes) -> Result<Self, EndsError> {
        if !self.labels_are_names {
            return Ok(self);
        }
        let named = |name: &str| (0..network.count()).find(|&class| network.name(class) == name);
        let numbered = |name: &str| name.parse().ok().filter(|&class: &usize| class < network.count());
        let by_name: Vec<Option<usize>> = self.classes.all().map(|name| named(&name)).collect();
        let by_number: Vec<Option<usize>> = self.classes.all().map(|name| numbered(&name)).collect();
        let is_whole = |map: &[Option<usize>]| map.iter().all(Option::is_some);
        let map = match by_name.iter().position(Option::is_none) {
            None => by_name,
            Some(_) if is_whole(&by_number) => by_number,
            Some(_) if !network.are_named() => return Ok(self),
            Some(unknown) => {
                return Err(EndsError::Class {
                    class: self.classes.name(unknown).into_owned(),
                    data: self.name,
                    classes: network.all().collect::<Vec<_>>().join(", "),
                });
            }
        };
        let map: Vec<u16> = map.into_iter().flatten().map(|class| class as u16).collect();
        let [train, test] = [&self.train, &self.test].map(|split| split.relabelled(&map));
        let validation = self.validation.as_ref().map(|split| split.relabelled(&map));
        Ok(Self { classes: network.clone(), train, validation, test, ..self })
    }
}

#[cfg(test)]
mod tests {
    use selvedge::shape::InputShape;

    use super::*;
    use crate::data::Split;

    #[test]
    fn classes_are_matched_by_name_or_number() {
        let named = |names: &str| Classes::named(names.split(',')).unwrap();
        let labels = |own: Classes, network: &Classes| -> Result<Vec<u16>, String> {
            let split = Split::new(1, vec![1, 2], vec![0, 1]);
            let data = Dataset::new("waves", InputShape::Features(1), own, [split.clone(), split]);
            let data = Dataset { labels_are_names: true, ..data };
            let data = data.labelled_for(network).map_err(|error| error.to_string())?;
            assert_eq!(data.train.labels(), data.test.labels());
            Ok(data.train.labels().to_vec())
        };
        assert_eq!(labels(named("run,walk"), &named("walk,sit,run")), Ok(vec![2, 0]));
        assert_eq!(labels(named("1,2"), &Classes::numbered(3)), Ok(vec![1, 2]));
        assert_eq!(labels(named("0,2"), &named("left,right,still")), Ok(vec![0, 2]));
        assert_eq!(labels(named("run,walk"), &Classes::numbered(2)), Ok(vec![0, 1]));
        assert_eq!(
            labels(named("jump,walk"), &named("walk,sit")),
            Err("waves has the class jump, and the network tells only these apart: walk, sit".into())
        );
    }
}
