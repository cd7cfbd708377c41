/** Filters the findings of a run by severity, kind, task and text. */

export function watchFilters(): void {
  for (const form of document.querySelectorAll<HTMLFormElement>('form.filter')) {
    const apply = (): void => filter(form);
    form.addEventListener('input', apply);
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      apply();
    });
  }
}

function filter(form: HTMLFormElement): void {
  const section = form.closest('section.findings');
  if (section === null) return;
  const wanted = new FormData(form);
  const field = (name: string): string => String(wanted.get(name) ?? '').trim();
  const words = field('text')
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  const [severity, kind] = [field('severity'), field('kind')];
  let shown = 0;
  const findings = section.querySelectorAll<HTMLDetailsElement>('details.finding');
  for (const finding of findings) {
    const { dataset } = finding;
    const text = `${finding.textContent} ${dataset.tasks ?? ''}`.toLowerCase();
    const fits =
      (severity === '' || dataset.severity === severity) &&
      (kind === '' || dataset.kind === kind) &&
      words.every((word) => text.includes(word));
    finding.hidden = !fits;
    if (fits) shown++;
  }
  for (const root of section.querySelectorAll<HTMLElement>('section.root'))
    root.hidden = root.querySelector('details.finding:not([hidden])') === null;
  const output = form.querySelector('output');
  if (output) output.value = shown === findings.length ? '' : `${shown} of ${findings.length}`;
}
