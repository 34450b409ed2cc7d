for (const input of document.querySelectorAll(".filter")) {
  const table = input.closest("section").querySelector("table"), body = table.tBodies[0];
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of body.rows) {
      const cells = [...row.cells].map((cell) => cell.textContent.toLowerCase());
      row.hidden = !words.every((word) => cells.some((cell) => cell.includes(word)));
    }
  });
  [...table.tHead.rows[0].cells].forEach((head, place) => {
    let rising = false;
    head.classList.add("sortable");
    head.addEventListener("click", () => {
      rising = !rising;
      const key = (row) => row.cells[place].textContent, number = (text) => Number(text.replace(/[,%\s]/g, ""));
      const rows = [...body.rows].sort((a, b) => {
        const [x, y] = [key(a), key(b)], [m, n] = [number(x), number(y)];
        return (Number.isNaN(m) || Number.isNaN(n) ? x.localeCompare(y) : m - n) * (rising ? 1 : -1);
      });
      body.append(...rows);
    });
  });
}
