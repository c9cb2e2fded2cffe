//! Pictures as PNG: the SVG file, rasterised at twice its size with a font that comes along, so
//! that the bytes are the same on every machine.

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

/// Pixels per pixel of the SVG.
const ZOOM: f32 = 2.0;

/// Draws SVG files. Loading the font costs more than a picture, so one is kept for all.
pub struct Rasteriser(Options<'static>);

impl Default for Rasteriser {
    fn default() -> Self {
        let mut options = Options { font_family: "DejaVu Sans".to_owned(), ..Options::default() };
        let fonts = options.fontdb_mut();
        fonts.load_font_data(dejavu::sans::regular().to_vec());
        fonts.load_font_data(dejavu::sans::bold().to_vec());
        fonts.set_sans_serif_family("DejaVu Sans");
        Self(options)
    }
}

impl Rasteriser {
    /// The picture as a PNG file; `None` if this is no SVG or too large for memory.
    #[must_use]
    pub fn png(&self, svg: &str) -> Option<Vec<u8>> {
        let tree = Tree::from_str(svg, &self.0).ok()?;
        let size = tree.size().to_int_size().scale_by(ZOOM)?;
        let mut pixels = Pixmap::new(size.width(), size.height())?;
        resvg::render(&tree, Transform::from_scale(ZOOM, ZOOM), &mut pixels.as_mut());
        pixels.encode_png().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_twice_its_size_and_text() {
        let rasteriser = Rasteriser::default();
        let svg = |text: &str| {
            format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"60\" height=\"20\">\
                 <text x=\"2\" y=\"15\" font-family=\"sans-serif\" font-size=\"12\">{text}</text></svg>"
            )
        };
        let png = rasteriser.png(&svg("wide")).unwrap();
        assert_eq!(&png[1..4], b"PNG");
        assert_eq!((&png[16..20], &png[20..24]), (&[0, 0, 0, 120][..], &[0, 0, 0, 40][..]));
        assert_ne!(png, rasteriser.png(&svg("")).unwrap(), "the letters are drawn");
        assert!(rasteriser.png("no picture").is_none());
    }
}
