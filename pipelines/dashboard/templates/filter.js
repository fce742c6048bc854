(() => {
const bar = document.querySelector('.filter');
if (!bar) return;
const [find, state, said] = ['input', 'select', 'output'].map((tag) => bar.querySelector(tag));
const rows = [...document.querySelectorAll('[data-s]')];
const names = rows.map((row) => row.querySelector('summary, a').textContent.toLowerCase());
const show = () => {
const word = find.value.trim().toLowerCase();
const wanted = state.value;
let shown = 0;
rows.forEach((row, i) => {
const on = names[i].includes(word) && (!wanted || row.dataset.s.split(' ').includes(wanted));
row.hidden = !on;
shown += on;
});
said.textContent = shown + ' of ' + rows.length + ' shown';
};
find.addEventListener('input', show);
state.addEventListener('change', show);
bar.hidden = false;
show();
})();
