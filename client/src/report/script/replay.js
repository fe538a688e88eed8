// Buttons that copy and save the fio job that is shown, whichever that is.
const improveReplay = (root, replay) => {
  const section = root.querySelector('#replay');
  if (!replay || !section) return;
  const job = () => section.querySelector('pre code');
  const none = 'this page holds no fio job of these samples';
  const said = element('span', { role: 'status' });
  const copy = async () => {
    if (!job()) return void (said.textContent = none);
    try {
      await navigator.clipboard.writeText(job().textContent);
      said.textContent = 'copied';
    } catch {
      getSelection().selectAllChildren(job());
      said.textContent = 'the browser does not let a page copy: the text is selected, copy it with the keys';
    }
  };
  const save = () => {
    if (!job()) return void (said.textContent = none);
    const address = URL.createObjectURL(new Blob([job().textContent], { type: 'text/plain' }));
    element('a', { href: address, download: replay.file }).click();
    URL.revokeObjectURL(address);
    said.textContent = `saved as ${replay.file}`;
  };
  const button = (name, action) => {
    const made = element('button', { type: 'button' }, name);
    made.addEventListener('click', action);
    return made;
  };
  section.querySelector('h2').after(element('p', { class: 'tools' }, button('Copy the job', copy), button('Save the job', save), said));
};
