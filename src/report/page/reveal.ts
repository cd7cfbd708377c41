/** Leads to what is folded away. */

/** Opens what hides an element, and leads there. */
export function revealEvent(item: HTMLElement): void {
  for (let at = item.closest('details'); at !== null; at = at.parentElement?.closest('details') ?? null) at.open = true;
  for (const other of document.querySelectorAll('li.shown')) other.classList.remove('shown');
  item.classList.add('shown');
  item.scrollIntoView({ block: 'center' });
}
