//! Figures as bars, in SVG that is read on light and on dark.

/// A bar, its words, and whether it is one of ours.
pub struct Bar {
    pub name: String,
    pub value: f64,
    pub ours: bool,
}

const WIDTH: f64 = 720.0;
/// Where the bars begin, and the most that one is long.
const LEFT: f64 = 220.0;
const LONGEST: f64 = 420.0;
const ROW: f64 = 26.0;
const TOP: f64 = 44.0;

const STYLE: &str = "\
    text { font: 13px system-ui, sans-serif; fill: #1f2328 }\n\
    .title { font-weight: 600 }\n\
    .other { fill: #8c959f }\n\
    .ours { fill: #0969da }\n\
    @media (prefers-color-scheme: dark) {\n\
      text { fill: #e6edf3 }\n\
      .other { fill: #6e7681 }\n\
      .ours { fill: #58a6ff }\n\
    }\n";

/// Bars below one another, each with its number and the unit.
pub fn bars(title: &str, unit: &str, bars: &[Bar]) -> String {
    let most = bars.iter().map(|bar| bar.value).fold(f64::MIN_POSITIVE, f64::max);
    let height = TOP + ROW * bars.len() as f64 + 10.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\"\n\
         aria-label=\"{0}\">\n<style>\n{STYLE}</style>\n<text class=\"title\" x=\"10\" \
         y=\"24\">{0}</text>\n",
        escaped(title)
    );
    for (place, bar) in bars.iter().enumerate() {
        svg += &row(bar, TOP + ROW * place as f64, LONGEST * bar.value / most, unit);
    }
    svg + "</svg>\n"
}

fn row(bar: &Bar, top: f64, length: f64, unit: &str) -> String {
    let class = if bar.ours { "ours" } else { "other" };
    // One that would be none is seen all the same.
    let length = length.max(1.0);
    let (base, behind) = (top + 15.0, LEFT + length + 8.0);
    let value =
        if bar.value < 10.0 { format!("{:.1}", bar.value) } else { format!("{:.0}", bar.value) };
    format!(
        "<text x=\"{}\" y=\"{base}\" text-anchor=\"end\">{}</text>\n\
         <rect class=\"{class}\" x=\"{LEFT}\" y=\"{top}\" width=\"{length:.1}\" height=\"20\" \
         rx=\"2\"/>\n<text x=\"{behind:.1}\" y=\"{base}\">{value} {unit}</text>\n",
        LEFT - 10.0,
        escaped(&bar.name)
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_is_the_largest_number_and_names_are_text() {
        let bar = |name: &str, value| Bar { name: name.to_owned(), value, ours: true };
        let svg = bars("a < b", "ms", &[bar("R&D", 4.0), bar("b", 16.0)]);
        assert!(svg.contains("a &lt; b") && svg.contains("R&amp;D"), "{svg}");
        assert!(svg.contains("width=\"105.0\"") && svg.contains("width=\"420.0\""), "{svg}");
        assert!(svg.contains("4.0 ms") && svg.contains("16 ms"), "{svg}");
    }
}
