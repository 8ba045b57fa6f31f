//! The attributes of HTML tags.

/// The values of an attribute in HTML's tags, each with its place. Text between tags is left out.
pub fn values<'a>(html: &'a str, attribute: &str) -> Vec<(usize, &'a str)> {
    let start = format!("{attribute}=\"");
    let mut found = Vec::new();
    let mut place = 0;
    while let Some(tag) = html[place..].find('<').map(|open| place + open) {
        let end = html[tag..].find('>').map_or(html.len(), |close| tag + close);
        let mut rest = tag;
        while let Some(value) = html[rest..end].find(&start).map(|at| rest + at) {
            let is_whole = html[..value].ends_with(char::is_whitespace);
            let value = value + start.len();
            let close = html[value..end].find('"').map_or(end, |close| value + close);
            if is_whole {
                found.push((value, &html[value..close]));
            }
            rest = close;
        }
        place = end;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_tag_has_attributes() {
        let html = r#"href="no" <a class="x" href="a.html#b">href="no"</a> <p data-href="no"><img src="c.png">"#;
        assert_eq!(values(html, "href").iter().map(|(_, value)| *value).collect::<Vec<_>>(), ["a.html#b"]);
        assert_eq!(values(html, "src").iter().map(|(_, value)| *value).collect::<Vec<_>>(), ["c.png"]);
        assert_eq!(&html[values(html, "href")[0].0..][..8], "a.html#b");
    }
}
