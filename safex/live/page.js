// Sends where the controls are to the cell that shows this page, and draws the numbers that it answers with. One question is under way
// at a time: what moves meanwhile is in the next one.
'use strict';
(async () => {
	const SKETCH = 300, LEFT = 58, RIGHT = 8, TOP = 20, BOTTOM = 30;
	const byId = id => document.getElementById(id);
	const ask = (name, body) => fetch(name, {method: 'POST', body: JSON.stringify(body)});
	const widget = await (await fetch('widget')).json();
	const PANEL = widget.tall;
	const colour = widget.colours, controls = widget.controls || [], handles = widget.handles || [];
	const values = {}, inputs = {};
	let view = null, busy = false, moved = null, ended = false, touched = false;
	const latencies = []; // ms from a hand's move to the frame that shows it

	byId('name').textContent = widget.name;
	byId('done').hidden = !controls.length;
	for (const c of controls) {
		values[c.name] = c.start.slice();
		if (!c.label) continue;
		const label = document.createElement('label'), text = document.createElement('span'), input = document.createElement('input'), out = document.createElement('output');
		text.textContent = c.label;
		Object.assign(input, {type: 'range', min: c.min, max: c.max, step: c.step, value: c.start[0], name: c.name});
		input.addEventListener('input', e => set(c.name, 0, Number(input.value), e.timeStamp));
		label.append(text, input, out);
		byId('sliders').append(label);
		inputs[c.name] = {input, out, c};
		tell(c.name);
	}
	byId('done').addEventListener('click', () => { ended = true; ask('done', {}); say('done: the cell leaves a picture'); });

	function say(text) { byId('state').textContent = text; }

	function tell(name) {
		const i = inputs[name];
		if (!i) return;
		const v = values[name][0];
		const digits = Math.max(0, Math.ceil(-Math.log10(i.c.step) - 1e-9));
		i.out.textContent = i.c.words ? i.c.words[Math.round((v - i.c.min) / i.c.step)] : v.toFixed(digits).replace('-', '−');
		i.input.value = v;
	}

	// set moves a number of a control to the nearest place that it can be at.
	function set(name, index, v, when) {
		const c = controls.find(c => c.name === name);
		v = Math.min(c.max, Math.max(c.min, c.min + c.step * Math.round((v - c.min) / c.step)));
		if (!Number.isFinite(v) || values[name][index] === v) return;
		values[name][index] = v;
		tell(name);
		moved = moved === null ? when : moved;
		look();
	}

	async function look() {
		if (busy || ended) return;
		busy = true;
		const since = moved, hand = moved !== null;
		moved = null;
		try {
			const r = await ask('view', {Values: values, Hand: hand});
			const answer = r.ok ? await r.json() : {error: await r.text()};
			if (answer.error) {
				say(answer.error);
			} else {
				view = answer.view;
				draw();
				touched = touched || hand;
				say(touched ? '' : handles.length || controls.length ? 'move something: the cell waits ' + widget.touch + ' s for a hand' : '');
				if (hand) requestAnimationFrame(() => {
					latencies.push(performance.now() - since);
					document.body.dataset.latencies = JSON.stringify(latencies.slice(-2000).map(v => Math.round(10 * v) / 10));
				});
				document.body.dataset.views = 1 + Number(document.body.dataset.views || 0);
			}
		} catch (e) {
			ended = true;
			say('the cell has ended, or cannot be reached from this browser: run it again');
		}
		busy = false;
		if (moved !== null) look();
	}

	function canvas(id, wide, high) {
		const c = byId(id), dense = window.devicePixelRatio || 1;
		if (c.width !== Math.round(wide * dense) || c.height !== Math.round(high * dense)) {
			c.width = Math.round(wide * dense);
			c.height = Math.round(high * dense);
			c.style.width = wide + 'px';
			c.style.height = high + 'px';
		}
		const g = c.getContext('2d');
		g.setTransform(dense, 0, 0, dense, 0, 0);
		g.clearRect(0, 0, wide, high);
		return g;
	}

	const sketchPlace = s => { const k = SKETCH / (s.right - s.left); return {k, high: k * (s.top - s.bottom), at: p => [(p[0] - s.left) * k, (s.top - p[1]) * k]}; };

	function drawSketch(s) {
		const place = sketchPlace(s), g = canvas('sketch', SKETCH, place.high);
		byId('sketch').hidden = false;
		g.save();
		g.beginPath();
		g.rect(0, 0, SKETCH, place.high);
		g.clip();
		const paint = (shape, alpha) => {
			if (shape.points.some(p => p[0] === null || p[1] === null)) return;
			g.globalAlpha = alpha;
			g.beginPath();
			shape.points.forEach((p, i) => g[i ? 'lineTo' : 'moveTo'](...place.at(p)));
			if (shape.filled) {
				g.fillStyle = colour['role' + shape.role];
				g.fill();
			} else {
				g.strokeStyle = colour['rim' + shape.role];
				g.lineWidth = shape.role === 0 || shape.role === 5 ? 3 : 2;
				g.stroke();
			}
		};
		(s.pale || []).forEach(x => paint(x, 0.14));
		(s.shapes || []).forEach(x => paint(x, 1));
		g.globalAlpha = 1;
		for (const h of handles) if (h.Path) {
			const [x, y] = place.at(along(h));
			g.beginPath();
			g.arc(x, y, 16, 0, 2 * Math.PI);
			g.strokeStyle = colour.ink;
			g.lineWidth = 1.5;
			g.setLineDash([4, 3]);
			g.stroke();
			g.setLineDash([]);
		}
		g.restore();
		g.strokeStyle = s.broken ? colour.limit : colour.grid;
		g.lineWidth = s.broken ? 3 : 1;
		g.strokeRect(0.5, 0.5, SKETCH - 1, place.high - 1);
	}

	// along is where the handle of a path is.
	function along(h) {
		const c = controls.find(c => c.name === h.Control), i = (values[h.Control][0] - c.min) / (c.max - c.min) * (h.Path.length - 1);
		const k = Math.min(h.Path.length - 2, Math.floor(i)), a = h.Path[k], b = h.Path[k + 1];
		return [a[0] + (b[0] - a[0]) * (i - k), a[1] + (b[1] - a[1]) * (i - k)];
	}

	const number = v => v !== null && v !== undefined && Number.isFinite(v);

	function ticks(lo, hi) {
		let step = 10 ** Math.floor(Math.log10((hi - lo) / 4));
		for (const s of [1, 2, 2.5, 5, 10]) if ((hi - lo) / (s * step) <= 7) { step *= s; break; }
		const all = [];
		for (let i = Math.ceil(lo / step - 1e-9); i * step <= hi + 1e-9 * step; i++) all.push(i * step);
		return all;
	}
	const written = v => String(Number(v.toPrecision(6))).replace('-', '−');

	let boxes = []; // of the panels: how pixels are numbers
	function drawPanels() {
		const wide = Math.max(320, Math.min(1024, document.body.clientWidth) - 16 - (view.sketch ? SKETCH + 8 : 0));
		const g = canvas('panels', wide, PANEL * view.panels.length);
		boxes = [];
		let x0 = Infinity, x1 = -Infinity;
		for (const p of view.panels) for (const l of p.lines || []) for (const x of l.x || []) if (number(x)) { x0 = Math.min(x0, x); x1 = Math.max(x1, x); }
		if (!(x0 < x1)) [x0, x1] = [0, 1];
		view.panels.forEach((p, k) => {
			let lo = Infinity, hi = -Infinity, seen = false;
			for (const l of p.lines || []) for (const row of [l.y, l.lo, l.hi]) for (const v of row || []) if (number(v)) { lo = Math.min(lo, v); hi = Math.max(hi, v); seen = true; }
			for (const v of p.levels || []) { lo = Math.min(lo, v); hi = Math.max(hi, v); }
			if (p.from < p.to) [lo, hi] = [p.from, p.to];
			else { if (!(lo < hi)) [lo, hi] = [lo - 1, hi + 1]; if (!number(lo)) [lo, hi] = [0, 1]; const room = hi - lo; lo -= 0.05 * room; hi += 0.05 * room; }
			const box = {left: LEFT, right: wide - RIGHT, top: k * PANEL + TOP, bottom: (k + 1) * PANEL - BOTTOM, x0, x1, lo, hi};
			box.x = v => box.left + (v - x0) / (x1 - x0) * (box.right - box.left);
			box.y = v => box.bottom - (v - lo) / (hi - lo) * (box.bottom - box.top);
			boxes.push(box);
			drawPanel(g, p, box, seen, k === view.panels.length - 1);
		});
	}

	function drawPanel(g, p, box, seen, last) {
		g.font = '11px "Liberation Sans", Arial, sans-serif';
		g.lineWidth = 1;
		g.fillStyle = colour.ink;
		g.strokeStyle = colour.grid;
		g.textBaseline = 'middle';
		g.textAlign = 'right';
		if (seen) for (const t of ticks(box.lo, box.hi)) {
			const y = Math.round(box.y(t)) + 0.5;
			g.beginPath(); g.moveTo(box.left, y); g.lineTo(box.right, y); g.stroke();
			g.fillText(written(t), box.left - 5, y);
		}
		g.textAlign = 'center';
		g.textBaseline = 'top';
		for (const t of ticks(box.x0, box.x1)) {
			const x = Math.round(box.x(t)) + 0.5;
			g.beginPath(); g.moveTo(x, box.top); g.lineTo(x, box.bottom); g.stroke();
			g.fillText(written(t), x, box.bottom + 4);
		}
		if (last) g.fillText(view.axis, (box.left + box.right) / 2, box.bottom + 17);
		g.save();
		g.translate(11, (box.top + box.bottom) / 2);
		g.rotate(-Math.PI / 2);
		g.textBaseline = 'middle';
		g.fillText(p.label, 0, 0);
		g.restore();
		if (!seen) { g.textBaseline = 'middle'; g.fillText('no data yet', (box.left + box.right) / 2, (box.top + box.bottom) / 2); }
		g.save();
		g.beginPath();
		g.rect(box.left, box.top - 1, box.right - box.left, box.bottom - box.top + 2);
		g.clip();
		const lines = p.lines || [];
		lines.forEach(l => {
			if (!l.lo) return;
			const clip = v => Math.min(box.hi + 1e3, Math.max(box.lo - 1e3, v));
			const ok = i => l.lo[i] !== null || l.hi[i] !== null;
			for (let i = 0; i < l.x.length;) {
				if (!ok(i)) { i++; continue; }
				let j = i;
				while (j < l.x.length && ok(j)) j++;
				g.beginPath();
				for (let t = i; t < j; t++) g.lineTo(box.x(l.x[t]), box.y(clip(l.hi[t] === null ? box.hi + 1e3 : l.hi[t])));
				for (let t = j - 1; t >= i; t--) g.lineTo(box.x(l.x[t]), box.y(clip(l.lo[t] === null ? box.lo - 1e3 : l.lo[t])));
				g.closePath();
				g.fillStyle = colour.bound;
				g.fill();
				i = j;
			}
		});
		g.strokeStyle = colour.limit;
		g.lineWidth = 1.5;
		for (const v of p.levels || []) { g.beginPath(); g.moveTo(box.left, box.y(v)); g.lineTo(box.right, box.y(v)); g.stroke(); }
		lines.forEach((l, k) => {
			g.strokeStyle = g.fillStyle = colour['line' + k % 8];
			g.lineWidth = 2;
			g.setLineDash(l.dashed ? [6, 4] : []);
			g.beginPath();
			let pen = false;
			l.x.forEach((x, i) => {
				if (!number(l.y[i])) { pen = false; return; }
				g[pen ? 'lineTo' : 'moveTo'](box.x(x), box.y(l.y[i]));
				pen = true;
			});
			g.stroke();
			g.setLineDash([]);
			const pulled = handles.some(h => !h.Path && !h.Along && view.panels[h.Panel] === p && h.Line === k);
			if (l.dots || pulled) l.x.forEach((x, i) => {
				if (!number(l.y[i])) return;
				g.beginPath(); g.arc(box.x(x), box.y(l.y[i]), pulled ? 4.5 : 3, 0, 2 * Math.PI); g.fill();
			});
		});
		g.strokeStyle = colour.ink;
		g.lineWidth = 1.2;
		for (const x of (view.cursor === null ? [] : [view.cursor]).concat(p.marks || [])) { g.beginPath(); g.moveTo(box.x(x), box.top); g.lineTo(box.x(x), box.bottom); g.stroke(); }
		g.restore();
		g.textBaseline = 'middle';
		g.textAlign = 'left';
		let x = box.left;
		if (p.title) { g.fillStyle = colour.ink; g.fillText(p.title, x, box.top - 10); x += g.measureText(p.title).width + 18; }
		lines.forEach((l, k) => {
			if (!l.name) return;
			g.strokeStyle = colour['line' + k % 8];
			g.lineWidth = 2.5;
			g.setLineDash(l.dashed ? [5, 3] : []);
			g.beginPath(); g.moveTo(x, box.top - 10); g.lineTo(x + 14, box.top - 10); g.stroke();
			g.setLineDash([]);
			g.fillStyle = colour.ink;
			g.fillText(l.name, x + 18, box.top - 10);
			x += 18 + g.measureText(l.name).width + 10;
		});
	}

	function draw() {
		byId('body').className = view.sketch ? '' : 'plain';
		if (view.sketch) drawSketch(view.sketch);
		drawPanels();
		byId('notes').replaceChildren(...(view.notes || []).map((text, i) => {
			const p = document.createElement('p');
			p.textContent = text;
			if (!i && view.alarm) p.className = 'alarm';
			return p;
		}));
		requestAnimationFrame(() => { document.body.dataset.handles = JSON.stringify(handles.map(where)); }); // once all has its place
	}

	// where a handle is, in pixels of the page; of a series its first.
	function where(h) {
		const r = byId(h.Path ? 'sketch' : 'panels').getBoundingClientRect(), v = values[h.Control][0];
		if (h.Path) {
			const at = sketchPlace(view.sketch).at(along(h));
			return [r.left + at[0], r.top + at[1]];
		}
		const box = boxes[h.Panel], x = view.panels[h.Panel].lines[h.Line].x[0];
		return [r.left + box.x(h.Along ? v * h.Scale : x), r.top + (h.Along ? (box.top + box.bottom) / 2 : box.y(v))];
	}

	// A hand on the sketch or on a panel.
	const place = e => { const r = e.target.getBoundingClientRect(); return [e.clientX - r.left, e.clientY - r.top]; };
	function hold(id, take) {
		const c = byId(id);
		let grip = null;
		c.addEventListener('pointerdown', e => { if (view && (grip = take(...place(e)))) { c.setPointerCapture(e.pointerId); grip(...place(e), e.timeStamp); e.preventDefault(); } });
		c.addEventListener('pointermove', e => { if (grip) grip(...place(e), e.timeStamp); else c.style.cursor = view && take(...place(e)) ? 'grab' : 'default'; });
		for (const end of ['pointerup', 'pointercancel']) c.addEventListener(end, () => { grip = null; });
	}
	hold('sketch', (x, y) => {
		const s = view.sketch && sketchPlace(view.sketch);
		let best = null, least = 40;
		for (const h of handles) if (s && h.Path) {
			const [a, b] = s.at(along(h)), d = Math.hypot(a - x, b - y);
			if (d < least) [best, least] = [h, d];
		}
		return best && ((x, y, when) => {
			const c = controls.find(c => c.name === best.Control);
			let near = 0, far = Infinity;
			for (let i = 0; i + 1 < best.Path.length; i++) {
				const a = s.at(best.Path[i]), b = s.at(best.Path[i + 1]), dx = b[0] - a[0], dy = b[1] - a[1];
				const t = Math.min(1, Math.max(0, ((x - a[0]) * dx + (y - a[1]) * dy) / (dx * dx + dy * dy || 1)));
				const d = Math.hypot(a[0] + t * dx - x, a[1] + t * dy - y);
				if (d < far) [near, far] = [i + t, d];
			}
			set(best.Control, 0, c.min + (c.max - c.min) * near / (best.Path.length - 1), when);
		});
	});
	hold('panels', (x, y) => {
		const k = Math.floor(y / PANEL), box = boxes[k];
		if (!box) return null;
		for (const h of handles) if (!h.Path) {
			if (h.Along) return (x, y, when) => set(h.Control, 0, (box.x0 + (x - box.left) / (box.right - box.left) * (box.x1 - box.x0)) / h.Scale, when);
			if (h.Panel !== k) continue;
			const xs = view.panels[k].lines[h.Line].x;
			let last = null;
			return (x, y, when) => { // of the number that the hand is at; one that moves on paints those that it passes
				let best = 0;
				xs.forEach((v, i) => { if (Math.abs(box.x(v) - x) < Math.abs(box.x(xs[best]) - x)) best = i; });
				const to = box.lo + (box.bottom - y) / (box.bottom - box.top) * (box.hi - box.lo), from = last || [best, to], n = Math.abs(best - from[0]);
				for (let i = 0; i <= n; i++) set(h.Control, best + (from[0] - best) * i / (n || 1), to + (from[1] - to) * i / (n || 1), when);
				last = [best, to];
			};
		}
		return null;
	});

	// The notebook tells how many cells wait for this one. There is a view before it makes way for them.
	window.addEventListener('message', e => {
		if (e.source !== window.parent || !(e.data && e.data.waiting > 0) || !view || touched || moved !== null || ended || !controls.length) return;
		ended = true;
		ask('queued', {});
	});
	window.addEventListener('resize', () => view && draw());
	look();
	if (widget.every > 0) setInterval(look, widget.every);
})();
