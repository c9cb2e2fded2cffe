// Figures over time: read the values under the pointer, drag to zoom, double-click for all.
'use strict';
const span = s => {
  const h = Math.floor(s / 3600), m = Math.floor(s % 3600 / 60), rest = +(s % 60).toFixed(s < 10 ? 3 : 1);
  const seconds = rest ? ` ${rest}s` : '';
  return h ? `${h}h ${m}m${seconds}` : m ? m + 'm' + seconds : rest + ' s';
};
const shown = (v, percent) => v === null ? '-' : percent ? (100 * v).toFixed(1) + ' %' : (+(+v).toFixed(3)).toLocaleString('en');
const make = (parent, tag, name) => Object.assign(parent.appendChild(document.createElement(tag)), { className: name });

for (const figure of document.querySelectorAll('figure')) {
  const data = JSON.parse(figure.querySelector('script').textContent);
  for (const box of figure.querySelectorAll('.wide, .narrow')) interact(box, data);
  if (data.csv) {
    const button = make(figure.querySelector('figcaption'), 'button', '');
    button.textContent = 'save them';
    button.before(' ');
    button.onclick = () => {
      const link = document.createElement('a');
      link.href = URL.createObjectURL(new Blob([data.csv], { type: 'text/csv' }));
      link.download = figure.id + '.csv';
      link.click();
    };
  }
}

function interact(box, data) {
  const svg = box.querySelector('svg'), plots = [...box.querySelectorAll('.plot[data-from]')];
  if (!plots.length) return;
  const all = [+plots[0].dataset.from, +plots[0].dataset.to];
  const left = plots[0].x.baseVal.value, width = plots[0].width.baseVal.value;
  let view = all, start = null;
  const line = make(box, 'div', 'line'), band = make(box, 'div', 'band'), tip = make(box, 'div', 'tip');
  const whole = make(box, 'button', '');
  whole.textContent = 'show all';
  line.hidden = band.hidden = tip.hidden = whole.hidden = true;
  const shapes = [...box.querySelectorAll('.plot polyline, .plot polygon')].map(e =>
    [e, e.getAttribute('points').trim().split(/[ ,]+/).map(Number)]);
  const ticks = box.querySelector('.ticks'), ticked = ticks.innerHTML;
  const label = ticks.querySelector('text'), notch = ticks.querySelector('polyline');

  const zoom = (from, to) => {
    view = [from, to];
    const k = (all[1] - all[0]) / (to - from), x0 = left + (from - all[0]) / (all[1] - all[0]) * width;
    const move = x => left + (x - x0) * k;
    for (const [e, p] of shapes)
      e.setAttribute('points', p.map((v, i) => i % 2 ? v : Math.round(move(v))).join(' '));
    for (const mark of svg.querySelectorAll('g[data-at]')) {
      const x = move(left + (mark.dataset.at - all[0]) / (all[1] - all[0]) * width), text = mark.firstElementChild;
      mark.dataset.x ||= text.getAttribute('x');
      text.setAttribute('x', x);
      mark.style.display = x < left || x > left + width ? 'none' : '';
    }
    whole.hidden = k === 1;
    if (k === 1) { ticks.innerHTML = ticked; return; }
    const steps = [.001, .01, .1, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
    const step = steps.find(s => (to - from) / s <= width / 900) || (to - from) / 6;
    ticks.innerHTML = '';
    for (let t = Math.ceil(from / step) * step; t <= to; t += step) {
      const x = Math.round(left + (t - from) / (to - from) * width), text = ticks.appendChild(label.cloneNode());
      text.setAttribute('x', x);
      text.textContent = span(t);
      const y = notch.points[0].y;
      ticks.appendChild(notch.cloneNode()).setAttribute('points', `${x},${y} ${x},${y + 32}`);
    }
  };

  const at = event => {
    const r = svg.getBoundingClientRect(), f = r.width / svg.viewBox.baseVal.width;
    const x = Math.min(Math.max(event.clientX - r.left, left * f), (left + width) * f);
    return { x, f, s: view[0] + (x / f - left) / width * (view[1] - view[0]) };
  };
  const read = (event, plot, i) => {
    const { x, f, s } = at(event), panel = data.panels[i];
    const top = plot.y.baseVal.value * f, height = plot.height.baseVal.value * f;
    Object.assign(line.style, { left: x + 'px', top: top + 'px', height: height + 'px' });
    line.hidden = false;
    if (start !== null) {
      const a = Math.min(x, start.x), b = Math.max(x, start.x);
      Object.assign(band.style, { left: a + 'px', width: b - a + 'px', top: top + 'px', height: height + 'px' });
      band.hidden = false;
    }
    let row = data.edges.findIndex(edge => edge > s) - 1;
    if (row < 0) row = data.edges.length - 2;
    tip.textContent = '';
    make(tip, 'div', '').textContent = panel.length ? `${span(data.edges[row])} to ${span(data.edges[row + 1])}` : span(s);
    for (const { label, colour, percent, values } of panel) {
      const entry = make(tip, 'div', '');
      make(entry, 'b', '').textContent = shown(values[row], percent);
      make(entry, 'i', '').style.background = colour;
      entry.append(label);
    }
    tip.hidden = false;
    const right = x > box.clientWidth / 2;
    Object.assign(tip.style, { top: top + 4 + 'px', left: right ? '' : x + 10 + 'px', right: right ? box.clientWidth - x + 10 + 'px' : '' });
  };
  const clear = () => { line.hidden = band.hidden = tip.hidden = true; start = null; };
  plots.forEach((plot, i) => {
    // A panel without anything drawn under the pointer must feel it too.
    const ground = plot.insertBefore(document.createElementNS(svg.namespaceURI, 'rect'), plot.firstChild);
    for (const k of ['x', 'y', 'width', 'height']) ground.setAttribute(k, plot[k].baseVal.value);
    ground.setAttribute('fill', 'transparent');
    plot.addEventListener('pointermove', event => read(event, plot, i));
    plot.addEventListener('pointerdown', event => { if (event.button === 0 && event.pointerType === 'mouse') { start = at(event); event.preventDefault(); } });
    plot.addEventListener('pointerup', event => {
      const end = at(event), from = start && Math.min(start.s, end.s), to = start && Math.max(start.s, end.s);
      if (start && Math.abs(end.x - start.x) > 5) zoom(from, to);
      clear();
    });
    plot.addEventListener('pointerleave', clear);
    plot.addEventListener('dblclick', () => zoom(...all));
  });
  whole.onclick = () => zoom(...all);
}
