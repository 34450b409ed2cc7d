"use strict";
for (const svg of document.querySelectorAll("svg[data-lines]")) {
  const lines = JSON.parse(svg.dataset.lines), [left, right, most] = svg.dataset.frame.split(",").map(Number);
  const cursor = svg.querySelector(".cursor"), tip = document.createElement("div");
  tip.className = "tip"; tip.hidden = true; svg.parentElement.append(tip);
  const hide = () => { tip.hidden = true; cursor.setAttribute("hidden", ""); };
  const moments = [...new Set(lines.flatMap((line) => line.points.map((point) => point[0])))].sort((a, b) => a - b);
  const number = (value) => Number(value.toPrecision(4)).toLocaleString("en");
  const closest = (points, x) => points.reduce((a, b) => (Math.abs(b[0] - x) < Math.abs(a[0] - x) ? b : a));
  const show = (near) => {
    const said = lines.filter((line) => line.points.length).map((line) => [line.name, closest(line.points, near)]);
    const there = said.filter(([, point]) => Math.abs(point[0] - near) <= most / 100);
    tip.textContent = near.toLocaleString("en") + " images\n" + there.map(([name, point]) => name + ": " + number(point[1])).join("\n");
    tip.hidden = false; svg.dataset.near = near;
    const box = svg.getBoundingClientRect(), parent = svg.parentElement.getBoundingClientRect();
    const at = left + (right - left) * near / most, from = box.left - parent.left + at * box.width / svg.viewBox.baseVal.width + 10;
    cursor.setAttribute("x1", at); cursor.setAttribute("x2", at); cursor.removeAttribute("hidden");
    tip.style.top = box.top - parent.top + 8 + "px";
    tip.style.left = Math.max(4, Math.min(from, svg.parentElement.clientWidth - tip.offsetWidth - 4)) + "px";
  };
  const follow = (event) => {
    const box = svg.getBoundingClientRect(), scale = svg.viewBox.baseVal.width / box.width;
    const x = ((event.clientX - box.left) * scale - left) / (right - left) * most;
    if (moments.length) show(closest(moments.map((moment) => [moment]), x)[0]);
  };
  svg.addEventListener("pointermove", follow); svg.addEventListener("pointerdown", follow);
  svg.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") hide(); });
  svg.addEventListener("blur", hide);
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !moments.length) return;
    const place = moments.indexOf(Number(svg.dataset.near)) + (tip.hidden ? 0 : step);
    show(moments[Math.max(0, Math.min(place, moments.length - 1))]); event.preventDefault();
  });
}
for (const sheets of document.querySelectorAll(".sheets")) {
  const pictures = [...sheets.querySelectorAll("img")], slider = sheets.querySelector("input"), shown = sheets.querySelector("output");
  const show = () => {
    pictures.forEach((picture, place) => { picture.hidden = place !== Number(slider.value); });
    shown.textContent = pictures[slider.value].dataset.images;
  };
  slider.addEventListener("input", show); show();
}
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((part) => { part.open = true; }));
