// The live view: asks the program that served this page for what is new, as long as both are there.
const REST_MS = 2000;
const live = (root) => {
  const key = location.hash.slice(1);
  const standing = root.querySelector('#standing');
  const place = root.querySelector('#job');
  const lost = root.querySelector('#lost');
  let chosen = null;
  let shown = null;
  let heard = null;

  const ask = async (path) => {
    const answer = await fetch(path, { headers: { Authorization: `Bearer ${key}` }, cache: 'no-store' });
    if (!answer.ok) throw new Error((await answer.text()).trim());
    return answer;
  };

  const save = async () => {
    const page = await (await ask(`/jobs/${chosen}/report`)).blob();
    const address = URL.createObjectURL(page);
    element('a', { href: address, download: `${chosen}.html` }).click();
    URL.revokeObjectURL(address);
  };

  // The reader keeps the focus, what was opened, and the direction that was chosen.
  const showStanding = (html) => {
    const focused = standing.contains(document.activeElement) && document.activeElement.textContent;
    standing.innerHTML = html;
    for (const row of standing.querySelectorAll('tr[data-job]')) {
      const name = row.dataset.job;
      const button = element('button', { type: 'button', 'aria-pressed': name === chosen }, name);
      button.addEventListener('click', () => {
        chosen = name;
        look();
      });
      row.querySelector('th').replaceChildren(button);
      if (focused === name) button.focus();
    }
    const button = element('button', { type: 'button' }, 'Save as report');
    button.addEventListener('click', () => save().catch((error) => { lost.textContent = error.message; }));
    if (chosen !== null) standing.append(element('p', { class: 'tools' }, button));
    if (focused === 'Save as report') button.focus();
  };

  const showJob = async (html) => {
    const open = Array.from(place.querySelectorAll('details'), (details) => details.open);
    const direction = place.querySelector('[name=direction]:checked')?.id;
    place.innerHTML = html;
    place.querySelectorAll('details').forEach((details, index) => { details.open = open[index] ?? details.open; });
    if (direction) place.querySelector(`#${direction}`)?.click();
    if (window.DecompressionStream && place.querySelector('#data')) improve(place, await read(place));
  };

  const look = async () => {
    const { html, jobs } = await (await ask('/jobs')).json();
    if (!jobs.some((job) => job.name === chosen)) chosen = jobs.length > 0 ? jobs[0].name : null;
    showStanding(html);
    const job = jobs.find((job) => job.name === chosen);
    const wanted = job && `${job.name} ${job.state}`;
    if (job && wanted !== shown) {
      await showJob((await (await ask(`/jobs/${job.name}`)).json()).html);
      shown = wanted;
    }
  };

  const goOn = async () => {
    try {
      await look();
      heard = new Date();
      lost.textContent = '';
    } catch (error) {
      const age = heard === null ? 'nothing is known yet' : `what is shown is of ${heard.toLocaleTimeString()}`;
      const why = error instanceof TypeError ? 'the program does not answer' : error.message;
      lost.textContent = `${why}; ${age}`;
    }
    root.classList.toggle('stale', lost.textContent !== '');
    setTimeout(goOn, REST_MS);
  };
  goOn();
};
live(document.body);
