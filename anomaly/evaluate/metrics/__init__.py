"""Detection metrics: AUC and pAUC, alarm rates, DCASE figures, and how sure they are."""
